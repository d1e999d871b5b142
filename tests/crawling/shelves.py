"""This module has a ledger and a shelf for a crawl that remember what they were given."""

from collections.abc import Sequence

from qa_service.crawling.ledger import PageContent, SitePage


class RememberedPages:
    """This is a `SiteLedger` in memory."""

    def __init__(self) -> None:
        self.pages: dict[str, SitePage] = {}

    def load_pages(self) -> Sequence[SitePage]:
        return list(self.pages.values())

    def save_pages(self, pages: Sequence[SitePage]) -> None:
        self.pages.update({page.key: page for page in pages})


class RememberedDocuments:
    """This is a `PageShelf` in memory."""

    def __init__(self) -> None:
        self.documents: dict[str, PageContent] = {}
        self.put: list[str] = []

    def put_page(self, content: PageContent) -> str:
        self.put.append(content.address)
        self.documents[content.address] = content
        return content.address

    def remove_page(self, document_id: str) -> None:
        self.documents.pop(document_id, None)

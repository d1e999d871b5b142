"""Pictures and videos are recognized by their addresses alone."""

import pytest

from qa_service.frames import ImageResult, VideoResult
from qa_service.media.linked import MOST_RESULTS, build_video, merge_media, recognize_media

ID = "kVo_wMJ9-3Q"


@pytest.mark.parametrize(
    "url",
    [
        f"https://www.youtube.com/watch?v={ID}",
        f"https://youtube.com/watch?app=desktop&v={ID}&t=42s",
        f"http://m.youtube.com/watch?v={ID}&utm_source=openai",
        f"https://music.youtube.com/watch?v={ID}&list=RD",
        f"https://YOUTU.BE/{ID}?si=abc",
        f"https://www.youtube.com/shorts/{ID}",
        f"https://www.youtube.com/live/{ID}?feature=share",
        f"https://www.youtube-nocookie.com/embed/{ID}/",
    ],
)
def test_a_video_is_known_by_each_of_its_addresses(url: str) -> None:
    assert recognize_media([(url, "배터리 정리 - YouTube")]) == [
        VideoResult(
            ID,
            "배터리 정리",
            f"https://www.youtube.com/watch?v={ID}",
            thumbnail=f"https://i.ytimg.com/vi/{ID}/hqdefault.jpg",
            channel="",
        )
    ]


@pytest.mark.parametrize(
    "url",
    [
        "https://www.youtube.com/@channel",
        "https://www.youtube.com/watch?v=short",
        f"https://www.youtube.com/watch?v={ID}x",
        f"https://www.youtube.com/results?v={ID}",
        f"https://youtube.com.evil.example/watch?v={ID}",
        f"https://notyoutube.com/watch?v={ID}",
        f"https://evil.example/youtu.be/{ID}",
        "https://youtu.be/",
        "https://a.example/png",
        "https://a.example/page?file=a.png",
        "https://a.example/a.png/",
        "https://a.example/a.png.html",
        "https://a.png",
    ],
)
def test_another_address_is_neither(url: str) -> None:
    assert recognize_media([(url, "")]) == []


@pytest.mark.parametrize("name", ["a.png", "a.JPG", "a.jpeg", "a.webp", "a.gif", "a.svg", "a.avif", "a.b.png"])
def test_a_picture_is_known_by_its_ending(name: str) -> None:
    url = f"https://img.example/{name}?w=300#top"
    assert recognize_media([(url, "하늘")]) == [ImageResult("하늘", url, thumbnail=url, source="img.example")]


def test_what_has_no_title_is_called_by_its_name_or_address() -> None:
    url = "https://img.example/%ED%95%98%EB%8A%98.png"
    image, video = recognize_media([(url, ""), (f"https://youtu.be/{ID}", "youtu.be")])
    assert (image.title, video.title) == ("하늘.png", f"https://www.youtube.com/watch?v={ID}")


def test_each_is_listed_once_and_those_that_the_answer_links_come_first() -> None:
    first, second = build_video(ID, ""), build_video("a1b2C3d4E5_", "")
    known = build_video(ID, "배터리", channel="연구소")
    listed = merge_media([second, first, second], [build_video("00000000000", "c"), known])
    assert [video.title for video in listed.videos] == [second.title, "배터리", "c"]
    assert listed.images == ()


def test_very_many_are_cut() -> None:
    images = recognize_media([(f"https://a.example/{n}.png", "") for n in range(100)])
    videos = [build_video(f"{n:011}", "") for n in range(100)]
    listed = merge_media(images, videos)
    assert (len(listed.images), len(listed.videos)) == (MOST_RESULTS, MOST_RESULTS)

export const metadata = { title: "A site with answers" };

export default function Layout({ children }) {
  return <html lang="en"><body>{children}</body></html>;
}

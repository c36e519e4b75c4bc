import { Link } from "wouter";
import { Page } from "../ui/page.tsx";

export const NotFound = () => (
  <Page title="Page not found" lead="There is no page at this address.">
    <p>
      <Link href="/">See what is running now</Link>
    </p>
  </Page>
);

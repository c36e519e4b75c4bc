import { Link } from "wouter";
import { Page } from "../ui/page.tsx";

export const NotFound = () => (
  <Page title="Nothing here" lead="There is no page by this address.">
    <p>
      <Link href="/">See what runs now</Link>
    </p>
  </Page>
);

import { Link } from "wouter";
import { useStore } from "../../data/external-store.ts";
import { noticeStore, type PageNotice } from "../../data/notice-store.ts";
import { Button } from "../button.tsx";
import { failureText } from "../states.tsx";
import { StatusIcon, statusStyle } from "../status/status.tsx";

/** Shows the notices of `noticeStore` in the corner. */
export const Notices = () => (
  <section className="notices" aria-label="Notices" aria-live="polite">
    {useStore(noticeStore).map((notice) => (
      <NoticeCard key={notice.id} notice={notice} />
    ))}
  </section>
);

const NoticeCard = ({ notice: { id, text, error, link } }: { readonly notice: PageNotice }) => {
  const status = error === undefined ? "completed" : "failed";
  return (
    <div className="notice" style={statusStyle(status)}>
      <StatusIcon of={status} label={error === undefined ? "Done" : "Failed"} />
      <div className="notice-text">
        <p>
          <strong>{text}</strong>
        </p>
        {error !== undefined && <p>{failureText(error)}</p>}
        {link !== undefined && (
          <p>
            <Link href={link.href} onClick={() => noticeStore.dismiss(id)}>
              {link.text}
            </Link>
          </p>
        )}
      </div>
      <Button kind="quiet" aria-label="Dismiss" onClick={() => noticeStore.dismiss(id)}>
        ✕
      </Button>
    </div>
  );
};

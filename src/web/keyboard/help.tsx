import { Dialog } from "../ui/overlay/dialog.tsx";
import { shortcuts } from "./shortcuts.ts";

/** Lists what the keyboard does where it is opened. */
export const KeyboardHelp = ({ onClose }: { readonly onClose: () => void }) => (
  <Dialog title="Keyboard" onClose={onClose}>
    <dl className="facts">
      {shortcuts().map(({ key, what }) => (
        <div key={key} className="shortcut">
          <dt className="row">
            {key.split(" ").map((each) => (
              <kbd className="key" key={each}>
                {each}
              </kbd>
            ))}
          </dt>
          <dd>{what}</dd>
        </div>
      ))}
      <div className="shortcut">
        <dt>
          <kbd className="key">Enter</kbd>
        </dt>
        <dd>Open what has the focus</dd>
      </div>
      <div className="shortcut">
        <dt>
          <kbd className="key">Esc</kbd>
        </dt>
        <dd>Close a dialog</dd>
      </div>
    </dl>
  </Dialog>
);

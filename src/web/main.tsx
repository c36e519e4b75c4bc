import { createRoot } from "react-dom/client";
import { ConnectionProvider } from "./data/live/connection.tsx";
import { Shell } from "./shell/shell.tsx";
import { preload } from "./shell/views.ts";

// Loads the view while the shell renders.
preload(location.pathname);

const root = document.getElementById("root");
if (root === null) throw new Error("the page has no #root");

createRoot(root).render(
  <ConnectionProvider>
    <Shell />
  </ConnectionProvider>,
);

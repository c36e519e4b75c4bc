// Opens connections to a port of 127.0.0.1 and keeps them open: slow-clients.ts PORT COUNT silent|slow SECONDS
// It is a separate process because the file descriptors of one process are limited. `slow` clients begin a request and add a header
// every second; `silent` ones send nothing. A client whose connection is closed opens another one after a second. Prints "open" when
// every connection was opened or refused, and exits after SECONDS.
import { connect, type Socket } from "node:net";

const [port = "", count = "", manner = "", seconds = ""] = process.argv.slice(2);
const RECONNECT_MS = 1_000;

let attempted = 0;

const open = (): void => {
  const socket: Socket = connect(Number(port), "127.0.0.1");
  const isFirst = { value: true };
  const note = (): void => {
    if (!isFirst.value) return;
    isFirst.value = false;
    attempted += 1;
    if (attempted === Number(count)) console.log("open");
  };
  let timer: ReturnType<typeof setInterval> | undefined;
  socket.on("connect", () => {
    note();
    if (manner !== "slow") return;
    socket.write("GET /api/health HTTP/1.1\r\nHost: 127.0.0.1\r\n");
    timer = setInterval(() => socket.write("X-Slow: 1\r\n"), 1_000);
  });
  socket.on("error", () => {});
  socket.resume();
  socket.on("close", () => {
    clearInterval(timer);
    note();
    setTimeout(open, RECONNECT_MS);
  });
};

for (let index = 0; index < Number(count); index += 1) open();
setTimeout(() => process.exit(0), Number(seconds) * 1_000);

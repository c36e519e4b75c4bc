// Serves one file at one path and prints the port: bare-server.ts PATH FILE
import { readFileSync } from "node:fs";

const [path = "", file = ""] = process.argv.slice(2);
const body = readFileSync(file);
const headers = { "content-type": "application/json" };

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  routes: { [path]: () => new Response(body, { headers }) },
});
console.log(server.port);

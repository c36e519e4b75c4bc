import { connect } from "node:net";

/** Returns whether a server at one of the URLs says anything to a new connection in time. */
export const anyAnswers = async (urls: readonly string[], timeoutMs: number): Promise<boolean> => {
  const answers = await Promise.all(urls.map((url) => isAnswering(new URL(url), timeoutMs)));
  return answers.includes(true);
};

const DEFAULT_PORT = 4222;

const isAnswering = ({ hostname, port }: URL, timeoutMs: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({
      host: hostname.replace(/^\[|\]$/g, ""),
      port: port === "" ? DEFAULT_PORT : Number(port),
    });
    const end = (result: boolean): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(result);
    };
    const timer = setTimeout(() => end(false), timeoutMs);
    socket.once("data", () => end(true));
    socket.once("error", () => end(false));
    socket.once("close", () => end(false));
  });

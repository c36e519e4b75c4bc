import { expect, test } from "bun:test";
import { asUser } from "../../../../src/engine/attempt/user/task-user.ts";

const USER = {
  name: "build",
  uid: 1001,
  gid: 1002,
  home: "/home/build",
  shell: "/bin/bash",
  setpriv: "/usr/bin/setpriv",
};

test("a command of another user gets variables that could run code as root only as that user", () => {
  const environment = { PATH: "/tmp/own", LD_PRELOAD: "/tmp/own.so", "BASH_FUNC_echo%%": "() { :; }", RATE: "3" };
  const command = asUser(USER, { argv: ["./run", "now"], cwd: "/", environment, hasStdin: false });
  expect(command.environment).toEqual({ PATH: "/tmp/own", RATE: "3" });
  expect(command.argv).toEqual([
    ...["/usr/bin/setpriv", "--reuid=1001", "--regid=1002", "--init-groups", "--"],
    ...["/usr/bin/env", "LD_PRELOAD=/tmp/own.so", "BASH_FUNC_echo%%=() { :; }", "./run", "now"],
  ]);
});

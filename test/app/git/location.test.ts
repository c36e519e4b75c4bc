import { describe, expect, test } from "bun:test";
import { isCommitPrefix, isRefName, parseLocation } from "../../../src/app/git/location.ts";

describe("the URL of a repository", () => {
  test.each([
    ["git@git.example.com:ops/jobs.git", "ssh"],
    ["git.example.com:jobs.git", "ssh"],
    ["ssh://git@git.example.com:2222/ops/jobs.git", "ssh"],
    ["https://git.example.com/ops/jobs.git", "https"],
    ["file:///srv/git/jobs.git", "file"],
    ["/srv/git/jobs.git", "file"],
  ] as const)("%s has the transport %s", (url, transport) => {
    expect(parseLocation(url)).toMatchObject({ transport });
  });

  test("has its scheme in lower case, as git wants it", () => {
    expect(parseLocation("FILE:///srv/git/Jobs.git")).toEqual({ url: "file:///srv/git/Jobs.git", transport: "file" });
  });

  test.each([
    "https://user:secret@git.example.com/jobs.git",
    "https://token@git.example.com/jobs.git",
    "ssh://git:secret@git.example.com/jobs.git",
    "user:secret@git.example.com:jobs.git",
    "user:secret/@git.example.com:jobs.git",
    "http://git.example.com/jobs.git",
    "git://git.example.com/jobs.git",
    "ext::sh -c id",
    "ext::id",
    "fd::17",
    "-oProxyCommand=id:x",
    "ssh://-oProxyCommand=id/x",
    "ssh://-x@host/y",
    "git@host:-x",
    "file://host/srv/jobs.git",
    "https://git.example.com",
    "https://git.example.com/jobs.git?x=1",
    "jobs.git",
    "../jobs.git",
    "",
    "https://git.example.com/a b",
  ])("%s is refused", (url) => {
    expect(parseLocation(url)).toHaveProperty("problem");
  });
});

test.each([
  ["0a90", true],
  ["0A90f", true],
  ["0a9", false],
  ["main", false],
])("%s can begin the id of a commit: %p", (text, can) => {
  expect(isCommitPrefix(text)).toBe(can);
});

describe("the name of a ref", () => {
  test.each(["main", "release/1.2", "v1.0", "refs/heads/main", "feature/a+b", "0123abc"])("can be %s", (name) => {
    expect(isRefName(name)).toBe(true);
  });

  test.each([
    "--upload-pack=id",
    "-x",
    "",
    "a..b",
    "a//b",
    "a/.b",
    "a.lock",
    "a.lock/b",
    "a/",
    "a.",
    "HEAD^",
    "a~1",
    "a:b",
    "a b",
    "@{u}",
    "a\nb",
    "*",
  ])("can't be %j", (name) => {
    expect(isRefName(name)).toBe(false);
  });
});

import { describe, expect, test } from "bun:test";
import { guardExitCodes } from "../../../../src/cli/import/crontab/guard.ts";

describe("a guard", () => {
  const cases: readonly (readonly [string, readonly number[]])[] = [
    ["test -x /bin/a && /bin/a", [1]],
    ["[ -f 'a && b' ] && a > /dev/null 2>&1", [1]],
    ["[[ -n $X ]] && a", [1]],
    ["cd /srv && ! test -e lock && ./a;", [1]],
    ["command -v a > /dev/null && a", [1, 127]],
    ['[ "$(date +%d; true)" = 01 ] && a', [1]],
    ["[ -x /a ] && if [ ! -d /run/b ]; then /a; fi", [1]],
    ["test -e /run && { a; b || c; }", [1]],
    ["test -e /run && { a; b; } && (cd /x; c & d) > /dev/null 2>&1", [1]],
    ["[ -d x ] && for f in x/*; do a $f; done", [1]],
    ["[ -d x ] && while read l; do if a; then b; fi; done < y", [1]],
    ["[ -d x ] && case $y in a) b;; *) c;; esac", [1]],
    ["/usr/bin/test -x /a && /a", [1]],
    ["test -x /a && /a # if it is there; weekly", [1]],
    ["! pgrep -x a && a", [1]],
    ["test -x /a && echo if done; ", [1]],
    ["test -n ${X:-a;b} && c", [1]],
  ];
  test.each(cases)("of %j exits with %j", (command, codes) => {
    expect(guardExitCodes(command)).toEqual(codes);
  });

  test.each([
    "a && b",
    "a && test -e b",
    "test -x a || b",
    "test -x a && b || true",
    "test -x a && b; c",
    "test -x a && b & c",
    "if test -x a; then b; fi",
    "command a && b",
    "test -x a && { b; }; c",
    "test -x a && { b; } || c",
    "test -x a && if b; then c; fi; d",
    "test -x a && (b; c",
    "{ test -x a && b; c; }",
    "a",
  ])("is not in %j", (command) => {
    expect(guardExitCodes(command)).toBeNull();
  });
});

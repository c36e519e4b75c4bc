import { describe, expect, test } from "bun:test";
import { jobIdOf, uniqueId } from "../../../../src/cli/import/crontab/job-name.ts";
import { isName } from "../../../../src/domain/ids.ts";

describe("the id of a job", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["/usr/local/bin/backup.sh", "backup"],
    ["/usr/local/bin/backup.sh daily --all >> /var/log/b.log 2>&1", "backup-daily"],
    ["cd / && run-parts --report /etc/cron.hourly", "run-parts-cron.hourly"],
    ["test -x /usr/sbin/anacron || { cd / && run-parts /etc/cron.daily; }", "run-parts-cron.daily"],
    ["if [ -x /usr/bin/munin-cron ]; then /usr/bin/munin-cron; fi", "munin-cron"],
    ["cd /srv/shop && php artisan schedule:run > /dev/null", "artisan-schedule-run"],
    ["php -f /var/www/nextcloud/cron.php", "nextcloud-cron"],
    ["python3 -m http.server 80", "http.server"],
    ["/usr/bin/python3.11 /opt/reports/run.py --fast", "reports-run"],
    ["bash -lc 'sync-it now'", "bash"],
    ["A=1 B='x y' sudo -u bob nice -n 10 timeout -k 5 60 flock -n /run/l /opt/x.pl", "x"],
    ["curl -fsS https://hc.example.com/ping/1", "curl-hc.example.com"],
    ["perl -e 'sleep rand 9' && certbot -q renew", "certbot-renew"],
    ["[ $(date +%d) -le 7 ] && /usr/share/mdadm/checkarray --all", "checkarray"],
    ['"/home/al/My Scripts/Weekly Report.py" --all', "weekly-report"],
    ["docker system prune -f", "docker-system-prune"],
    ["echo hi | mail -s x you@example.com", "mail-x"],
    ["echo hi", "echo-hi"],
    ["true", "true"],
    ["constructor", "constructor"],
    ["$CMD", "cmd"],
    ["\u00fc", "job"],
    ["", "job"],
    ["x".repeat(300), "x".repeat(48)],
  ];
  test.each(cases)("of %j is %j", (command, id) => {
    expect(jobIdOf(command)).toBe(id);
    expect(isName(id)).toBe(true);
  });

  test("gets a number if it is taken", () => {
    const taken = new Set(["a"]);
    expect([uniqueId("a", taken), uniqueId("a", taken), uniqueId("b", taken)]).toEqual(["a-2", "a-3", "b"]);
  });
});

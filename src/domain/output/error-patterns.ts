/**
 * The words and forms by which programs say that something is wrong. They are data: `error-rank.ts` says what each is worth.
 *
 * Each is a list of alternatives, some to a line. They are bounded, so that a test takes time in proportion to the line.
 */

/** Joins the lines of a list of alternatives. Spaces at the ends of lines are not significant. */
const alternatives = (source: string): string =>
  source
    .trim()
    .split(/\s*\n\s*/)
    .join("|");

const pattern = (flags: string, source: string): RegExp => new RegExp(alternatives(source), flags);

/** Whole words, but not parts of paths, of options or of names such as `error_log`. */
const words = (flags: string, source: string): RegExp =>
  new RegExp(String.raw`(?<![\w/._=-])(?:${alternatives(source)})(?![\w/]|[._-]\w)`, flags);

const COUNTED = alternatives(`
  errors?|errs|failures?|failed|failing|unreachable|skipped|rescued|ignored|timeouts?|rejected|warnings?|missing|invalid
  corrupt(?:ed)?|conflicts?
`);

/** Words about errors that report no error. They are removed before anything else is looked for. */
export const HARMLESS = pattern(
  "gi",
  String.raw`
  \b(?:0|no|zero|without(?:\sany)?|any|ignoring|ignored?) (?:\w{1,20} ){0,2}(?:errors?|failures?|failed)\b
  \b(?:0|no|zero|without(?:\sany)?|any) (?:\w{1,20} ){0,2}(?:problems?|issues?|conflicts?|exceptions?|vulnerabilities)\b
  \b(?:${COUNTED})["']?(?: count)?\s{0,3}[:=]\s{0,3}["']?(?:0\b|null\b|none\b(?! of)|nil\b|false\b|\[\]|""|'')
  \berrors?[-_ ](?:logs?|pages?|handlers?|handling|rates?|budget|free|counts?|threshold|tolerance|correction|bars?)\b
  \berrors?[-_ ](?:tracking|template|boundary|stats|summary|reporting|reports?|margin)\b
  \b(?:on|if|in case of)[-_ ](?:an )?(?:error|failure|failed|fail)s?\b
  (?<=\s|^)--?[a-z][\w-]{0,40}(?:error|fail|timeout|missing|invalid)[\w-]{0,20}|\bfail(?:over|back|safe|fast|2ban)\b
  \bfail[- ](?:over|back|safe|fast)\b
  \b(?:error|failure|failed|timeout|conflict)s? (?:resolved|recovered|fixed|cleared|handled)\b
  \btimeouts?\b ?(?:[=:]|is|of|set to) ?["']?\d[\d.]*\s?(?:m?s|m|h|seconds?|minutes?)?\b(?! exceeded| elapsed)
  \b[45]xx ?[:=] ?0\b
`,
);
export const PATHS = /(?<=^|\s)(?:\/[\w.@+-]{1,100}){1,20}\/?(?=[\s,;]|$)/g;

/** What builds print about features that they look for: most are optional, and an error follows if one is not. */
export const PROBES = pattern(
  "i",
  String.raw`
  ^-- (?:looking for|performing test|check(?:ing)?|detecting|could not find|try(?:ing)?)\b
  ^checking (?:for|whether|if|how|size|that|command)\b.{0,300}\.\.\.
  ^(?:looking|searching|probing|testing) for .{1,200}(?:\.\.\.| - ) ?(?:not found|no|none|failed|missing)$
  \b(?:dependency|program|header|library|function|tool) .{1,200}:? NO\b
`,
);

/** What a machine prints when somebody logs in. */
export const BANNERS = pattern(
  "i",
  String.raw`
  \b(?:un)?authori[sz]ed (?:access|use|users?|personnel|persons?|entry)\b.{0,200}\b(?:prohibited|prosecut|only|forbidden|monitored|logged|reported|violation|illegal|offen[cs]e|law)
  \b(?:will|may|can) be (?:\w{1,20} ){0,3}(?:prosecuted|monitored|recorded)\b|\b(?:is|are) (?:being )?(?:monitored|prohibited|recorded)\b
  \bby (?:logging|continuing)\b.{0,80}\b(?:consent|agree|accept)|\bto (?:unregistered|unauthori[sz]ed) (?:users?|persons?)\b
`,
);

/** Rows above, below or around a text. */
export const FRAMED = /^\s*([*#|=!~+-])\1{0,80}\s.*\s\1{1,80}\s*$/;

/** A label with one word, and a place without a message. */
export const LABELS =
  /^(?!\s*\w*(?:error|exception|fatal|panic|fail|failure|failed|caused|cause|reason|message|detail|abort)\w*:)\s*[A-Z]\w{1,30}:\s+[\w.-]{1,60}$|^[\w.-]{1,60}: \S{1,200}\.\w{1,10}:\d{1,6}(?::\d{1,6})?:?$/i;

/** Not messages but what is executed, or source text that a tool quotes. */
export const QUOTED = pattern(
  "",
  String.raw`
  ^\s*(?:\++ \S|\$ \S|>{1,3}[ ]|>\s{3,}|\d{1,6} [|│]|\| {2,}|[|│] {0,20}[\^~|]|-{3,}\s*$|={5,}$|\*{5,}|~+|\^+)
  ^\s*(?:throw|raise|return|assert|echo)[ ]|^\s*(?:if \(|if \[|console\.|print\(|sys\.exit|process\.exit)
  ^\s*[|│ ]*[\^~-]+$
`,
);

/** What runtimes and systems print when a program ends by force. */
export const CRASHES = pattern(
  "i",
  String.raw`
  \buncaught\b|\bunhandled ?(?:exception|rejection|promise)|\bUnhandledPromiseRejection|segmentation fault|segfault
  \bSIG(?:SEGV|ABRT|BUS|ILL)\b|\bcore dumped\b|\bout of memory\b|OutOfMemory|\bOOM(?:Killed|[- ]kill)|\bbus error\b
  illegal instruction|stack overflow|\bassertion (?:.{1,80} )?failed|^panic(?:: |\()|\bpanicked at\b
  ^fatal error:[ ]|^FATAL ERROR\b|Exception in thread[ ]|^\*\* \(\w
  :\d{1,6}:in [\x60'].{1,120}': .{0,400}\([A-Z]\w*(?:::\w+)*\)$|^[\w./-]{1,60}: line \d+: +\d+ Killed\b|^Killed$
`,
);

const EXCEPTION_CLASS = "[A-Z][\\w$]{0,60}(?:Error|Exception|Failure|Fault|Timeout|NotFound|DoesNotExist|Interrupted)";

/** An exception with its class and its message. */
export const EXCEPTIONS = pattern(
  "",
  String.raw`
  ^(?:Caused by: |-+> ?|\[cause\]: |E {3,})?(?:[\w$]{1,60}[.:\\]{1,2}){0,12}${EXCEPTION_CLASS}(?: ?[[(][\w -]{1,40}[\])])?(?::|$)
`,
);

const ERROR_NAMES =
  "error|exception|erreur|fehler|errore|fout|błąd|ошибка|erro|hata|feil|fejl|virhe|chyba|エラー|错误|錯誤|오류";

/** The words for an error where a message begins. */
export const ERRORS = pattern(
  "i",
  String.raw`
  (?<![\w/._=-])(?:${ERROR_NAMES})(?: [A-Z]{0,4}\d{1,6})?\s?(?:\([^)\s]{1,60}\)|\[\w{1,20}\])?\s?[:：!]
  ^\s*error\b(?![\w-])
  ^error (?:in|from|response|opening|reading|writing|parsing|loading|while|when|executing|running|connecting)\b
  \ban error occurred\b|\bgot error\b
`,
);
/** Marks that mean an error only as they are written here. */
export const ERRORS_AS_WRITTEN = pattern(
  "",
  String.raw`
  ^Err:\d|^\(error\)[ ]|\b[A-Z]\w{1,60}(?:Error|Exception):[ ]|^(?:ORA|TNS|PLS|SP2|RMAN|IMP|EXP)-\d{3,5}:[ ]
  \bERROR\b|^ERRORS:|^FAIL\b|^--- FAIL|^make(?:\[\d+\])?: \*\*\*[ ]|: undefined reference to[ ]
  ^[A-Z][a-z]+-[A-Z]\w+ ?:[ ]|Failure/Error:|\bFAILED\b|!\s\[(?:remote )?rejected\]|^CONFLICT \(|^not ok \d
  ^\s*● (?!Console)|^e: \S|^FAIL: \S|\bUNEXPECTED INCONSISTENCY\b
  ^[\w.-]{1,80}_test\.go:\d+: .{0,300}\b(?:want(?:ed|s)?|got|expect(?:ed|s)?|unexpected|error|fail(?:ed|ure)?|should|differs?|mismatch|not equal)\b
`,
);

/** Words with which a sentence says that something did not work. */
export const FAILURES = words(
  "i",
  `
  errors?|fail(?:ed|ure|ures|s)?|cannot|can ?not|can't|couldn't|could not|unable to|won't|refused|denied|forbidden
  unauthorized
  not (?:permitted|allowed|found|supported|recognized|defined|accessible|a valid)
  not be (?:found|read|opened|resolved|loaded|reached|parsed|written|created)
  timed ?out|no such|no (?:matching|valid|space|route|usable|suitable|response|credentials|module)
  does(?:n't| not) (?:exist|match|have|support)|did(?:n't| not) (?:match|respond|return|complete|find)|unreachable
  unresolved|unrecognized|rejected|timeout (?:during|while|after|waiting|expired|exceeded|reached)|abort(?:ed|ing)
  corrupt(?:ed)?|mismatch(?:ed)?|mismatches|unsupported|already (?:exists|in use|locked|running)|broken pipe
  reset by peer|malformed|insufficient|incompatible|deadlock|crashed|connection closed
  closed by (?:the )?(?:remote host|peer|server|foreign host)|lost connection|connection lost|unavailable|unhealthy
  killed
`,
);
/** Words that say so in some sentences only. */
export const MAYBE_FAILURES = words(
  "i",
  String.raw`
  exceptions?|timeout|does(?:n't| not)|did(?:n't| not)|missing|invalid|illegal|unexpected|unknown|undefined
  undeclared|conflicts?|exceed(?:ed|s)|expired|duplicates?|violat\w{2,5}|(?:is|disk) full|quota|bad|wrong|overflow
  lost|locked|died|impossible|incorrect|incomplete|truncated|too (?:large|many|long|old|few|small)|nicht|keine
  introuvable|impossible|refusée?|interdit
`,
);

/** HTTP statuses with their texts: a bare number counts files, too. */
const STATUS_TEXTS = alternatives(String.raw`
  400 {1,2}bad request|401 {1,2}unauthori[sz]ed|403 {1,2}forbidden|404 {1,2}not found|405 {1,2}method not|408 {1,2}request timeout
  409 {1,2}conflict|410 {1,2}gone|413 {1,2}(?:payload|content|request entity) too|415 {1,2}unsupported|422 {1,2}unprocess
  429 {1,2}too many|500 {1,2}internal|502 {1,2}bad gateway|503 {1,2}(?:service|slow)|504 {1,2}gateway
`);

/** Reasons in the words of the operating system, of the network, of servers, compilers and interpreters. */
export const REASONS = pattern(
  "i",
  String.raw`
  ^curl: \(\d+\)[ ]|^ORA-(?!06512)\d|failure/error|cannot connect to|failed to resolve|could not be resolved
  access .{0,100}denied|is required(?:$| to )|got errno|(?:declared|imported) and not used
  no such (?:file|table|column|host|container|image|user|process|key|bucket|device|service|remote)|nosuch\w+
  permission denied|operation not permitted|connection (?:refused|reset|timed out|aborted)
  connect(?:ion)? .{0,60}(?:timed out|refused)|\brefused\b|timed? ?out\b
  timeout (?:during|while|after|waiting|expired|exceeded|reached)|deadline exceeded|no space left|disk (?:is )?full
  quota exceeded|read-only file ?system|not (?:a|is a) directory|is a directory|address already in use
  already (?:in use|exists|locked)|too many open files|cannot allocate memory|not enough (?:memory|space)
  out of memory|input/output error|i/o error|no route to host|network is unreachable|could not resolve
  couldn't resolve|name or service not known|temporary failure in name resolution|getaddrinfo
  \be(?:notfound|connrefused|connreset|timedout|noent|acces|addrinuse|nospc|resolve)\b|host key verification
  access ?denied|authentication failed|no pg_hba|not authorized
  invalid (?:credentials|password|token|signature|argument|syntax|option|value|literal|configuration|header|json)
  invalid (?:input|url|character|reference|format)
  unauthorized|forbidden|command not found|: not found\b|unbound variable|parameter not set|bad substitution
  syntax error|unexpected (?:token|end|eof|argument|character|identifier|response|status)|parse error
  (?:does|did) not exist|doesn't exist
  undefined (?:reference|symbol|variable|method|name|function|index|local|array)
  cannot find (?:symbol|module|name|package)|can't find|can't resolve|no module named|cannot import
  unresolved import|undeclared|mismatched types
  is not (?:defined|a function|a valid|assignable|recognized|installed|reachable|running|mounted|iterable)|violates
  duplicate (?:key|entry)|deadlock|unknown (?:column|database|option|command|host|table|flag|argument)
  \bhttp(?:/[\d.]+)?[: ]{1,2}(?:error )?[45]\d\d|\b(?:${STATUS_TEXTS})\b
  error: [45]\d\d\b|rate limit|throttl|imagepullbackoff|crashloopbackoff|manifest unknown|index out of
  out of (?:range|bounds)|null ?pointer|nullreference|nil pointer|nil map|division by zero|divide by zero
  cannot read propert|could not (?:obtain|acquire|get) lock|no rule to make|merge conflict|non-fast-forward
  fetch first|divergent|host is (?:down|unreachable)|unable to locate|no credentials|existiert nicht|nicht gefunden
  nessun file|permesso negato|niet gevonden|toegang geweigerd|brak miejsca|nie znaleziono|plik lub katalog
  \b(?:below|under|above|over|exceeds?|outside(?: of)?|beyond) (?:(?:the|its|an?) )?(?:(?:expected|allowed|required|configured|permitted|agreed) )?(?:minimum|maximum|threshold|limits?|tolerance|range|quota|budget)\b
  \b(?:below|under|above|over|outside(?: of)?) (?:(?:the|its) )?(?:expected|allowed|required|permitted)\b
  \b(?:less|fewer|more|lower|higher|older|smaller|larger|longer) than (?:(?:the|its) )?(?:expected|allowed|required|permitted|minimum|maximum|threshold|limit)\b
  \bexpected (?:at (?:least|most)|exactly) \S
  keine berechtigung|introuvable|aucun fichier|permission non|no existe|permiso denegado
`,
);
/** The same in other scripts. Apart, because such characters make a long pattern slow. */
export const FOREIGN_REASONS = pattern(
  "i",
  `
  não encontrad|нет такого|отказано|не удалось|не найден|そのような|権限がありません|できません|見つかりません
  没有那个|拒绝|失败|找不到|없습니다
`,
);
export const NON_ASCII = /[^\x00-\x7f]/;

/** Words that name a reason only in a line that says that something failed. */
export const MAYBE_REASONS = pattern(
  "i",
  String.raw`
  certificate|x509|ssl routines|handshake|not found|checksum|corrupt|truncated|unexpected eof
  status(?: code)?[:= ]{1,2}["']?[45]\d\d|\b[45]\d\d\b|too (?:large|many|long|old|few|small)|requires?[ ]
  must (?:be|have|not|contain)|expected|stale|\block(?:ed)?\b|no (?:secret|public) key|insufficient|violation|assert
  null value|overflow|killed|relation "|column "|limit|exceeded|expired|missing|mismatch|unknown|invalid|undefined
  unreachable|unavailable|null\b|not supported|unsupported|rejected|because|due to
`,
);

/** A place in a file: `src/a.ts:3:5`, `src/a.ts(3,5)`, `A.java:[3,5]`, `line 3`. */
export const PLACES = /[\w)]\.[A-Za-z]\w{0,9}(?::\d|:\[\d|\(\d)|\bline \d|^[\w./-]{1,80}: \d{1,6}: /;

/** A message that starts with its place, as compilers print it. */
export const PLACED = /^[\w./@+-]{1,160}\.[A-Za-z]\w{0,7}:\d{1,6}(?::\d{1,5})?: \S/;

const STATUS = "(?:non-?zero|error|exit|failure|status|return|code)";

/** Lines that only repeat that something failed, or say where more can be read. */
export const WRAPPERS = pattern(
  "i",
  String.raw`
  (?:exit(?:ed)?|return(?:ed)?|terminated|finished|completed|ended|quit|failed|failure)(?: with)?(?: (?:an? )?${STATUS})+\b
  exit (?:status|code)[:= ]{1,2}\d|\b(?:exit|return) ?code\b
  \breturned (?:non-zero|an error code|exit|error exit|\d+ exit)|^make(?:\[\d+\])?: \*\*\* (?!No rule)
  \bError \d+(?: \(ignored\))?$|A complete log of this run|debug-\d+\.log
  npm (?:ERR!|error)(?:$| (?:code|errno|syscall|path|command|signal|workspace|location|cwd|dest|file|enoent$|404\s*$))
  npm (?:ERR!|error) (?:Exit status|Failed at the|This is (?:probably )?(?:not|related)|There is likely|Lifecycle script)
  npm (?:ERR!|error) (?:in workspace|at location|in |a package|enoent This|404 (?:Note|You should|This|Or|'|It)|\s|$)
  npm (?:ERR!|error) (?:gyp ERR! (?:stack|System|command|cwd|node)|[\w@/.-]+@[\d.]+ \w+:[ ])
  collect2: error|linker command failed|^error: could not compile\b|\[ERROR in[ ]|Failed to start .{1,80}\.service
  see log|\b(?:total )?errors?: \d+$|aborting due to|Some errors have detailed|For more information about
  generated \d+ warning|^\d+ (?:errors?|warnings?|failed|problems)(?: generated)?\.?$|Found \d+ errors?
  \d+ problems? \(|^Failed (?:examples|tests|jobs|tasks|steps):
  ^(?:Tests|Test Suites|Test Files|Suites|Snapshots):?\s|tests? (?:run|result)|test result:[ ]
  \d+ (?:failed|failing|failures?|passed)\b.{0,60}(?:passed|failed|total|in \d|\d+ms)|^={3,} .*={3,}$
  ^\d+ (?:examples?|tests?|scenarios?),[ ]|\bok=\d+\s+changed=|\bPASS=\d+|compilation terminated|^FAIL\b(?!: \S)|^FAILED$
  BUILD FAIL|Build failed with|\bcurrent transaction is aborted|commands ignored until|errors ignored on restore
  see (?:previous|above|the (?:log|compiler|output)|below|"|')|^See[ ]|(?:for|see) (?:more )?(?:details|information)
  -> \[Help|Re-run Maven|re-run Maven|To see the full stack|After correcting|\[ERROR\]\s*$
  Exiting with failure status|not recoverable: exiting|Child returned status|Could not read from remote repository
  correct access rights|and the repository exists|failed to push some refs|early EOF$|index-pack failed
  rsync error:[ ]|unexplained error|at least one source file could not be read|Unable to fetch some archives
  Sub-process .{1,60} returned|Errors were encountered|maybe run apt
  Failed to execute goal .{1,200}Compilation failure|subprocess-exited-with-error|did not run successfully
  metadata-generation-failed|This error originates from|Failed building wheel|Could not build wheels
  Failed to build \w+$|No matching distribution found for|Execution halted|Conversion failed!
  Error opening input files?: Error|challenges have failed|All renewals failed|renew failure|could not be renewed
  The following (?:error|certificate)|test failed$
  ^[\w./-]{1,40}: (?:fatal|Fatal)?:? ?(?:giving up|exiting|aborting|terminating)|backup (?:ended|finished) with
  finished with (?:errors?|status|rc)|command terminated|Command failed(?: with|:|$)
  command (?:exited|returned|failed)|script (?:failed|exited)|Process (?:exited|completed|finished)
  Main process exited|Failed with result|terminating connection|Not processing|NO MORE HOSTS
  Compilation error\. See log|A failure occurred while executing
  invalid index-pack output|^fetch-pack: unexpected disconnect|bytes of body are still expected
  encountered an error! The program was invoked|^\s*\S? ?Container \S{1,100}\s+Error(?:\s+[\d.]{1,8}s)?\s*$|^Error Trace:|the remote end hung up|^# [A-Z]{4,5}:\s+\d+$
  did not complete successfully|failed to solve|--:--:--|^Traceback|^Stack trace|^Call trace
  originated? (?:here|from)|rerun (?:with|using)|run with \x60?RUST_BACKTRACE|\bPLAY RECAP|^thrown in|^ *thrown in
  Error running (?:actions|configuration|commands?|scripts?|tasks?)\b
  attempts? failed$|check (?:the )?previous|previous error messages|failed after \d+ (?:attempts|retries|tries)|error\(s\)
  \d+ errors? (?:and|found|occurred|detected|generated|in \d)|with \d+ errors?\b|errors? occurred:?$
  ^Errors? (?:during|while) .{0,80}:$
`,
);

/** Lines that look like WRAPPERS but are the best that their program prints. */
export const NO_WRAPPERS = /^Job for \S{1,200} failed because|requested URL returned error|^\w{0,40}Exception: /;

const VERDICT_LABEL = String.raw`(?:(?:error|fatal|err|failed|failure|critical|alert)\b\W{0,4})?`;
const VERDICT_WORDS = alternatives(`
  failed|fail|failure|aborted|aborting|abort|exiting|giving up|gave up|unsuccessful|crashed|terminated|stopped|errors?
`);
const TIME_AT_END = String.raw`(?: ?(?:in|at|after) [\d:.]{1,20} ?\w{0,10})?`;
const STATUS_AT_END = String.raw`(?:(?:with |after |, |- )?\(?(?:(?:exit|rc|status|code|return|error)[\s=:]{0,3}){0,3}\d{0,4}\)?)?${TIME_AT_END}`;

/** A verdict without a reason: `ERROR: nightly backup failed`, `Job FAILED (rc=2)`, `giving up after 3 attempts`. */
export const VERDICTS = pattern(
  "i",
  String.raw`
  ^[^\w]{0,6}(?:\w{1,12}: ?)?${VERDICT_LABEL}[^:"'\x60/\d]{0,60}\b(?:${VERDICT_WORDS})\b[\s.!]*${STATUS_AT_END}[\s.!)*:]*$
`,
);

/** What a shell prints when a signal ended a program. */
export const SIGNALS =
  /^(?:Aborted|Segmentation fault|Killed|Terminated|Bus error|Illegal instruction)(?: \(core dumped\))?$/;

/** Errors that the program itself overcomes. */
export const RETRIES = pattern(
  "i",
  String.raw`
  \b(?:re-?try(?:ing)?|retries left|will (?:retry|try again)|trying again|try again in|reconnecting|fallback)\b
  \battempt(?:s)? (?:left|remaining)\b|\b(?:falling back|using default|continuing (?:with|anyway|on))\b|[,;] continuing\b
  \b(?:skipp(?:ed|ing)|ignor(?:ed|ing)|non-?fatal|tolerated|expected failure|xfail|harmless|optional)\b
  RETRYING|\.\.\.ignoring|\battempt \d+(?: of |/)\d+\b|re-?tr(?:y|ies) \d+
`,
);

export const LAST_ATTEMPT = /\battempt (\d{1,3})(?:\/| of )\1\b/i;

export const WARNINGS = /\b(?:deprecat\w{1,6}|will be removed in|warnings?)\b|Using a password on the command line/i;

/** The words that a cleanup begins with. */
export const CLEANUPS = pattern(
  "i",
  String.raw`
  \bclean(?:ing|ed)?[- ]?ups?\b|\bcleaning\b|\btear(?:ing)?[- ]?down\b|\brolling back\b|\broll(?:ed)?[- ]?back\b
  \bon exit\b|\bexit handler\b|\btrap\b|nettoyage|aufräumen
`,
);
/** What a cleanup prints, with the errors that scripts usually ignore. */
export const TIDYING = pattern(
  "i",
  String.raw`
  ^(?:rm|rmdir|shred|umount|kill|pkill|losetup|unlink):[ ]
  \b(?:remov|delet|releas|unmount|unlock|stopp|shutt|restor)ing\b
  \b(?:removed|deleted|released|unmounted|unlocked)\b|\bno such (?:container|process|network|volume|session)\b
  not mounted|^mkdir: .{1,300}: File exists|\bfinally\b|\bbye\b
`,
);

/** A shell: `script.sh: line 3: …`, `dash: 3: …`. */
export const SHELLS = /^[\w./-]{1,120}: (?:line |ligne |Zeile |línea |linha |riga )?\d{1,6} ?: \S/;
const TOOL_NAMES = alternatives(`
  (?:ba|da|z|k|a)?sh|awk|aws|borg|bzip2|cat|cc1|chmod|chown|cp|cpio|createdb|crontab|curl|cut|date|dd|df|diff|dig|docker
  dpkg|dropdb|du|env|find|flock|gawk|gcc|git|gpg|grep|gunzip|gzip|head|install|ip|iptables|jq|kubectl|ld|ln|logrotate|ls
  lvcreate|mawk|mkdir|mkfs|mktemp|mongodump|mount|mv|mysql|mysqladmin|mysqldump|mysqlimport|nginx|nice|node|openssl|patch
  perl|pg_basebackup|pg_dump|pg_dumpall|pg_restore|php|podman|psql|python3?|rclone|readlink|rsync|ruby|scp|sed|service
  sftp|sort|ssh|ssh-keygen|stat|su|sudo|systemctl|tail|tar|tee|test|timeout|touch|tr|unzip|vacuumdb|wc|wget|xargs|xz|zcat
  zip|zstd
`);
/** Programs whose messages on stderr start with their names. */
export const TOOLS = new RegExp(String.raw`^(?:/[\w./-]{1,60}/)?(?:${TOOL_NAMES})(?:\[\d+\])?: `);

const ERRNO_TEXTS = alternatives(`
  No such file or directory|Permission denied|Operation not permitted|Is a directory|Not a directory|File exists
  No space left on device|Connection (?:refused|reset by peer|timed out)|Read-only file system|Input/output error
  Device or resource busy|Broken pipe|Address already in use|Cannot allocate memory|Too many open files
  Resource temporarily unavailable|Text file busy|Exec format error|Argument list too long|Disk quota exceeded
  No route to host|Network is unreachable|Name or service not known|command not found|not found|unbound variable
  parameter not set|bad substitution
`);
/** The usual form of a message about a system call: `program: what: No such file or directory`. */
export const SYSTEM_ERRORS = new RegExp(
  String.raw`^[^:]{1,120}: (?:.{1,400}: )?(?:${ERRNO_TEXTS})(?: \([\w, -]{1,80}\))?\.?$`,
  "i",
);

/** Lines that announce what the next line says. */
export const HEADERS = pattern(
  "i",
  String.raw`
  ^(?!.*\b(?:at|in|for|processing|creating) \S).{0,160}\b(?:errors?|exceptions?|failed|failures?|problems?)\b[^:]{0,30}:$
  ^(?!.*\b(?:at|in|for|processing|creating) \S).{0,160}\b(?:warnings?|following|reason)\b[^:]{0,30}:$
  ^CMake Error(?: at \S{1,300}(?: \((?!find_package\b)\w{1,80}\))?)?:$|\bpanicked at .{1,200}:$|^ERROR at line \d+:$|^--- FAIL:[ ]
`,
);

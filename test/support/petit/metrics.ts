export type Sample = {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
};

export type Scrape = {
  readonly samples: readonly Sample[];
  /** The types by metric name. */
  readonly types: Readonly<Record<string, string>>;
  /** Returns the sample with this name and these labels, or null. */
  value(name: string, labels?: Readonly<Record<string, string>>): number | null;
};

const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\\n]|\\[\\"n])*)"/y;

/** Parses the Prometheus text format. Throws if the text is invalid. */
export const parseMetrics = (text: string): Scrape => {
  if (!text.endsWith("\n")) throw new Error("the last line has no line break");
  const types: Record<string, string> = {};
  const helped = new Set<string>();
  const samples: Sample[] = [];
  for (const line of text.split("\n").filter((each) => each !== "")) {
    const [, kind, about = "", rest = ""] = /^# (HELP|TYPE) ([a-zA-Z_:][\w:]*) (.+)$/.exec(line) ?? [];
    if (kind === "HELP") {
      if (helped.has(about)) throw new Error(`${about} is described twice`);
      helped.add(about);
    } else if (kind === "TYPE") {
      if (about in types || !/^(counter|gauge|histogram)$/.test(rest)) throw new Error(`a wrong type: ${line}`);
      types[about] = rest;
    } else samples.push(sample(line, types));
  }
  const keys = samples.map(({ name, labels }) => JSON.stringify([name, Object.entries(labels).sort()]));
  const twice = keys.find((key, index) => keys.indexOf(key) !== index);
  if (twice !== undefined) throw new Error(`${twice} occurs twice`);
  return {
    samples,
    types,
    value: (name, labels = {}) =>
      samples[keys.indexOf(JSON.stringify([name, Object.entries(labels).sort()]))]?.value ?? null,
  };
};

const sample = (line: string, types: Readonly<Record<string, string>>): Sample => {
  const [, name, labelText, value] =
    /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? ([-+]?(?:\d+(?:\.\d+)?(?:e[-+]?\d+)?|Inf|NaN))$/.exec(line) ?? [];
  if (name === undefined) throw new Error(`not a sample: ${line}`);
  const family = name in types ? name : name.replace(/_(bucket|sum|count)$/, "");
  if (!(family in types)) throw new Error(`no type for: ${line}`);
  return { name, labels: parseLabels(labelText ?? "", line), value: Number(value?.replace("Inf", "Infinity")) };
};

const parseLabels = (text: string, line: string): Record<string, string> => {
  const labels: Record<string, string> = {};
  for (LABEL.lastIndex = 0; LABEL.lastIndex < text.length; LABEL.lastIndex += 1) {
    const [, name, value] = LABEL.exec(text) ?? [];
    const after = text[LABEL.lastIndex];
    if (name === undefined || value === undefined || (after !== undefined && after !== ","))
      throw new Error(`invalid labels: ${line}`);
    labels[name] = value;
  }
  return labels;
};

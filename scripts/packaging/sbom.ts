// Prints a bill of materials of the executable in CycloneDX JSON: sbom.ts VERSION TIMESTAMP
import { lockedPackages, type Package } from "./lock.ts";

const [version = "", timestamp = ""] = process.argv.slice(2);
const packages = lockedPackages();

/** Returns the package URL (https://github.com/package-url/purl-spec). */
const purl = ({ name, version }: Pick<Package, "name" | "version">): string =>
  `pkg:npm/${name.replace("@", "%40")}@${version}`;

/** Two packages can each have the same version of a third one. It is listed once. */
const distinct: readonly Package[] = [...new Map([...packages.values()].map((one) => [purl(one), one])).values()];

const component = (one: Package) => ({
  type: "library",
  "bom-ref": purl(one),
  name: one.name,
  version: one.version,
  purl: purl(one),
  hashes: [{ alg: "SHA-512", content: Buffer.from(one.integrity.replace("sha512-", ""), "base64").toString("hex") }],
  ...(one.license === null ? {} : { licenses: [licenseChoice(one.license)] }),
});

/** An SPDX license id or an SPDX expression. */
const licenseChoice = (text: string) => (/[ ()]/.test(text) ? { expression: text } : { license: { id: text } });

/** The executable contains the runtime, with SQLite and a JavaScript engine. */
const runtime = { name: "bun", version: Bun.version };
const petit = { type: "application", "bom-ref": `petit@${version}`, name: "petit", version };
const refOf = (key: string): string[] => [packages.get(key)].flatMap((one) => (one === undefined ? [] : [purl(one)]));
const direct = Object.keys((await import("../../package.json")).default.dependencies);

const bom = {
  bomFormat: "CycloneDX",
  specVersion: "1.6",
  version: 1,
  metadata: { timestamp, component: { ...petit, licenses: [{ license: { id: "MIT" } }] } },
  components: [
    { type: "platform", "bom-ref": purl(runtime), ...runtime, purl: purl(runtime), licenses: [licenseChoice("MIT")] },
    ...distinct.map(component),
  ],
  dependencies: [
    { ref: petit["bom-ref"], dependsOn: [purl(runtime), ...direct.flatMap(refOf)] },
    ...distinct.map((one) => ({ ref: purl(one), dependsOn: one.dependencies.flatMap(refOf) })),
  ],
};
console.log(JSON.stringify(bom, null, 2));

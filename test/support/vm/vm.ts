import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../free-port.ts";
import { Agent, type CommandOutput } from "./agent.ts";
import { sendQmp } from "./qmp.ts";

/** How long the machine may take to boot. It takes 10 s, but longer on a busy machine. */
const BOOT_MS = 300_000;

/** How long a script may take. On a very busy machine, the installation of the service took more than 2 min. */
const SCRIPT_MS = 300_000;

const MEMORY_MIB = 768;

/** How QEMU writes to the disk: through the page cache of this machine, or past it. */
export type DiskCache = "writeback" | "none";

/** What a power cut leaves is the disk; the rest of the machine is new after the next boot. */
type Power = {
  readonly process: ChildProcess;
  readonly agent: Agent;
  readonly port: number;
  readonly exited: Promise<unknown>;
};

/**
 * A machine with a kernel, a systemd and a disk of its own, in QEMU without KVM. petit's executable is /opt/petit/petit. It ends with
 * this process, however that ends, and so does its folder.
 */
export class VirtualMachine implements AsyncDisposable {
  readonly #image: string;
  readonly #folder = mkdtempSync(join(tmpdir(), "petit-vm-"));
  readonly #keeper: ChildProcess;
  #power: Power | null = null;
  #bootId = "";

  /** `image` is the folder that scripts/test-vm prepares: `disk.img`, `vmlinuz`, and `petit.img` with the executable. */
  constructor(image: string) {
    this.#image = image;
    // Removes the folder when this process has ended, also by SIGKILL: then its stdin is closed. In a session of its own, it
    // does not get the SIGINT of Ctrl-C.
    this.#keeper = spawn("sh", ["-c", 'cat > /dev/null; rm -rf "$0"', this.#folder], {
      detached: true,
      stdio: ["pipe", "ignore", "ignore"],
    });
    execFileSync("cp", ["--sparse=always", join(image, "disk.img"), this.#disk]);
  }

  get #disk(): string {
    return join(this.#folder, "disk.img");
  }

  /** The boot id of its kernel. */
  get bootId(): string {
    return this.#bootId;
  }

  /** Switches it on. Resolves when it accepts scripts. Throws with the end of its console if it does not boot. */
  async boot(cache: DiskCache = "writeback"): Promise<void> {
    const port = await freePort();
    const socket = join(this.#folder, "agent.sock");
    rmSync(socket, { force: true });
    const log = openSync(join(this.#folder, "qemu.log"), "a");
    const program = ["--pdeathsig", "KILL", "nice", "-n", "10", "qemu-system-x86_64"];
    const qemu = spawn("setpriv", [...program, ...this.#argv(port, cache)], { stdio: ["ignore", log, log] });
    closeSync(log);
    const exited = once(qemu, "exit");
    try {
      const agent = await connectTo(socket, qemu);
      this.#power = { process: qemu, agent, port, exited };
      this.#bootId = await agent.ready(BOOT_MS);
    } catch (error) {
      throw new Error(`the virtual machine does not boot:\n${this.#lastLines()}`, { cause: error });
    }
  }

  /** Runs a shell script as root, and waits for its end. */
  async run(script: string, limitMs: number = SCRIPT_MS): Promise<CommandOutput> {
    return await this.#on.agent.run(script, limitMs);
  }

  /** Runs a shell script that stops at the first error. Returns its stdout, and throws if it fails. */
  async must(script: string, limitMs?: number): Promise<string> {
    const { status, stdout, stderr } = await this.run(`set -e\n${script}`, limitMs);
    if (status !== 0) throw new Error(`'${script}' exited with ${status}:\n${stdout}${stderr}`);
    return stdout;
  }

  /** The address under which port 8565 of the machine is reached. */
  get url(): string {
    return `http://127.0.0.1:${this.#on.port}`;
  }

  /** Restarts the machine as `systemctl reboot` does. Resolves when it accepts scripts again. */
  async reboot(): Promise<void> {
    const { exited } = this.#on;
    // The agent may end before it answers.
    const asked = this.run("systemctl reboot --no-block").catch(() => null);
    // A new QEMU, because an emulated machine that is reset hangs now and then.
    await Promise.all([asked, exited]);
    this.#power = null;
    await this.boot();
  }

  /** Cuts the power: what is not on the disk is lost. */
  async cutPower(): Promise<void> {
    const { process: qemu, agent, exited } = this.#on;
    this.#power = null;
    qemu.kill("SIGKILL");
    await exited;
    agent.close();
  }

  /** Lets the machine stand still. It does not notice. */
  async freeze(): Promise<void> {
    await this.#qmp("stop");
  }

  async unfreeze(): Promise<void> {
    await this.#qmp("cont");
  }

  /** Suspends the machine to RAM, as closing a laptop does. Its clock goes on. */
  async suspend(): Promise<void> {
    await this.must("systemd-run --quiet --collect sh -c 'sleep 1; echo mem > /sys/power/state'");
    const deadline = performance.now() + SCRIPT_MS;
    while (!JSON.stringify(await this.#qmp("query-status")).includes('"suspended"')) {
      if (performance.now() > deadline) throw new Error("the virtual machine does not suspend");
      await sleep(100);
    }
  }

  async wake(): Promise<void> {
    await this.#qmp("system_wakeup");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#power !== null) await this.cutPower();
    const gone = once(this.#keeper, "exit");
    this.#keeper.stdin?.end();
    await gone;
  }

  async #qmp(command: string): Promise<unknown> {
    return await sendQmp(join(this.#folder, "qmp.sock"), command);
  }

  get #on(): Power {
    if (this.#power === null) throw new Error("the virtual machine is off");
    return this.#power;
  }

  #argv(port: number, cache: DiskCache): readonly string[] {
    const file = (name: string): string => join(this.#folder, name);
    return [
      ...["-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-accel", "tcg,thread=multi"],
      ...["-cpu", CPU, "-smp", "2", "-m", `${MEMORY_MIB}`],
      ...["-kernel", join(this.#image, "vmlinuz"), "-append", KERNEL_ARGUMENTS],
      ...["-drive", `if=none,id=root,file=${this.#disk},format=raw,cache=${cache}`],
      ...["-drive", `if=none,id=petit,file=${join(this.#image, "petit.img")},format=raw,readonly=on`],
      // Disks of two kinds, because the order of two of a kind varies (since Linux 6.12 also that of the namespaces of an NVMe controller).
      ...["-device", "nvme,serial=root,drive=root", "-device", "virtio-blk-pci,drive=petit"],
      ...["-netdev", `user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:${port}-:8565`],
      ...["-device", "virtio-net-pci,netdev=net,romfile="],
      ...["-serial", `file:${file("console.log")}`, "-serial", `unix:${file("agent.sock")},server=on,wait=off`],
      ...["-qmp", `unix:${file("qmp.sock")},server=on,wait=off`],
    ];
  }

  #lastLines(): string {
    const texts = ["qemu.log", "console.log"].map((name) => join(this.#folder, name));
    return texts.map((file) => (existsSync(file) ? readFileSync(file, "utf8").slice(-2000) : "")).join("\n");
  }
}

/**
 * The emulated processor, without what takes longest to emulate: a kernel that sees `erms` or `fsrm` copies and clears memory byte by byte,
 * one with `svm` loads KVM, `la57` has one more level of page tables, and the others split the code at each system call.
 */
const CPU = "max,-erms,-fsrm,-svm,-la57,-smap,-smep,-pku";

/** The time stamp counters of emulated processors agree, and reading any other clock is slow. */
const KERNEL_ARGUMENTS = [
  ...["root=/dev/nvme0n1", "rw", "console=ttyS0", "net.ifnames=0", "quiet", "systemd.show_status=yes"],
  ...["mitigations=off", "init_on_alloc=0", "tsc=reliable", "panic=-1"],
].join(" ");

/** Connects as soon as QEMU listens. */
const connectTo = async (path: string, qemu: ChildProcess): Promise<Agent> => {
  for (;;) {
    try {
      return await Agent.connect(path);
    } catch (error) {
      if (qemu.exitCode !== null || qemu.signalCode !== null) throw new Error("QEMU has ended", { cause: error });
      await sleep(20);
    }
  }
};

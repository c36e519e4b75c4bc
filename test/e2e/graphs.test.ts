import { expect, test } from "bun:test";
import { playGraphs } from "../support/graphs/play.ts";

/** `PETIT_GRAPHS=300 PETIT_GRAPHS_SEED=7 PETIT_GRAPHS_RETRIES=4 PETIT_GRAPHS_KILLS=3` gives a longer test. */
const GRAPHS = Number(process.env.PETIT_GRAPHS ?? 24);
const SEED = Number(process.env.PETIT_GRAPHS_SEED ?? 20_261_129);
const RETRIES = Number(process.env.PETIT_GRAPHS_RETRIES ?? 3);
const KILLS = Number(process.env.PETIT_GRAPHS_KILLS ?? 2);

for (const kills of [0, KILLS])
  test(`${GRAPHS} random graphs end as the contract says, also when retried${kills === 0 ? "" : `, through ${kills} kills a round`}`, async () => {
    const { differences, runs, comparisons } = await playGraphs({
      seed: SEED + kills,
      graphs: GRAPHS,
      retries: RETRIES,
      kills,
    });
    console.log(`graphs: seed ${SEED + kills}, ${runs} runs, ${comparisons} comparisons`);
    expect(differences.join("\n\n")).toBe("");
  }, 600_000);

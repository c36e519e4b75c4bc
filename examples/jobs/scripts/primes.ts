// Prints the primes up to its argument. The task `primes` in ../typescript_task.yaml runs it.
import { appendFileSync } from "node:fs";

const limit = Number(process.argv[2] ?? "50");

const isPrime = (candidate: number): boolean => {
  for (let divisor = 2; divisor * divisor <= candidate; divisor++) {
    if (candidate % divisor === 0) return false;
  }
  return candidate > 1;
};

const primes = Array.from({ length: limit + 1 }, (_, number) => number).filter(isPrime);
console.log(`${primes.length} primes up to ${limit}: ${primes.join(" ")}`);

// Later tasks can use the values in $PETIT_OUTPUT.
const output = process.env.PETIT_OUTPUT;
if (output !== undefined) appendFileSync(output, `primes=${JSON.stringify(primes)}\n`);

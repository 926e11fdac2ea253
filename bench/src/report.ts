// What a bench answers: a table for people, or one JSON object alone on standard output.
import { cpus, totalmem } from 'node:os';

export interface BenchResult {
  name: string;
  figures: Record<string, number>;
  ratios: Record<string, number>;
}

/** The value below which this share of the values lies. */
export function percentile(values: number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export function report({ name, figures, ratios }: BenchResult, json: boolean): string {
  const machine = {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memory_gb: Math.round(totalmem() / 1e9),
    node: process.version,
  };
  if (json) return JSON.stringify({ name, machine, figures, ratios });
  const rows = [...Object.entries(figures), ...Object.entries(ratios).map(([key, value]) => [`ratios.${key}`, value] as const)];
  const width = Math.max(...rows.map(([key]) => key.length)) + 2;
  return [
    `${name} on ${machine.cores} cores (${machine.cpu}), Node ${machine.node}`,
    ...rows.map(([key, value]) => `  ${key.padEnd(width)} ${Number.isInteger(value) ? value : value.toFixed(1)}`),
  ].join('\n');
}

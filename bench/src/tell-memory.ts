// Loaded before a program that is measured: on SIGUSR2 it collects all garbage and says what it holds.
const { gc } = globalThis;

process.on('SIGUSR2', () => {
  // Twice: what a first round lets go of may hold more.
  gc?.();
  gc?.();
  const { rss, heapUsed, external } = process.memoryUsage();
  process.stdout.write(`\nmemory ${JSON.stringify({ rss, heapUsed, external })}\n`);
});

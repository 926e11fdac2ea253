// Counters and gauges for whoever watches the house: sent with the traces where an OTLP endpoint is named, and nothing otherwise.
import { metrics, type Attributes, type Counter, type ObservableResult } from '@opentelemetry/api';

const counters = new Map<string, Counter>();

/** Adds to the counter of this name, such as `rejoinder.sync.gaps`. Never anything that names a person or an inbox. */
export function count(name: string, more = 1): void {
  let counter = counters.get(name);
  // Made at its first use: what is made before the SDK has started counts for nobody.
  if (!counter) counters.set(name, (counter = metrics.getMeter('@rejoinder/runtime').createCounter(name)));
  counter.add(more);
}

/** Tells a figure whenever it is collected, until it is ended by what this answers. Of the labels as of the name: nothing of a person or an inbox. */
export function gauge(name: string, labels: Attributes, read: () => number): () => void {
  const instrument = metrics.getMeter('@rejoinder/runtime').createObservableGauge(name);
  const observe = (result: ObservableResult) => result.observe(read(), labels);
  instrument.addCallback(observe);
  return () => instrument.removeCallback(observe);
}

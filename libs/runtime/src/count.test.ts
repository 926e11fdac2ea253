// What is counted and told for whoever watches the house.
import { metrics, type Meter, type ObservableCallback, type ObservableResult } from '@opentelemetry/api';
import { expect, it } from 'vitest';
import { gauge } from './count.js';

it('tells a gauge whenever it is collected, with its labels, and no more once it has ended', () => {
  const callbacks = new Set<ObservableCallback>();
  const instrument = {
    addCallback: (one: ObservableCallback) => callbacks.add(one),
    removeCallback: (one: ObservableCallback) => callbacks.delete(one),
  };
  const meter = { createObservableGauge: () => instrument } as unknown as Meter;
  metrics.setGlobalMeterProvider({ getMeter: () => meter });
  const collected: unknown[] = [];
  const result: ObservableResult = { observe: (value, labels) => void collected.push([value, labels]) };
  const collect = () => callbacks.forEach((one) => void one(result));
  let troubles = 0;
  const end = gauge('rejoinder.role.troubles', { role: 'timeline' }, () => troubles);
  collect();
  troubles = 2;
  collect();
  end();
  collect();
  metrics.disable();
  expect(collected).toEqual([
    [0, { role: 'timeline' }],
    [2, { role: 'timeline' }],
  ]);
});

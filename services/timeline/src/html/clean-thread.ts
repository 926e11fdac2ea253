// The thread in which strangers' HTML is cleaned: whoever started it ends it when it takes too long.
import { parentPort, workerData } from 'node:worker_threads';
import type * as rules from './clean-html.js';

// Its rules come by their address: a thread has no loader for sources but Node's own.
const { cleanHtml } = (await import((workerData as { rules: string }).rules)) as typeof rules;
parentPort!.on('message', (html: string) => parentPort!.postMessage(cleanHtml(html), []));

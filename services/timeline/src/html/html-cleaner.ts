// Cleans HTML in a thread of its own under a deadline, so that no mail can hold up the process.
import { Worker } from 'node:worker_threads';
import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import type { Logger } from '@rejoinder/runtime/logging';
import type { Values } from '@rejoinder/runtime/config';
import { LOGGER, SETTINGS } from '@rejoinder/runtime/tokens';
import { strippedText, type CleanHtml } from './clean-html.js';
import type { settings as declared } from '../config.js';

const maxThreadMb = 256;
/** The first piece of a new thread also waits for its start. */
const startMs = 10_000;

const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
const besides = (name: string) => new URL(`./${name}.${extension}`, import.meta.url);

/** One thread, one piece at a time; the text worker's concurrency bounds what waits. */
@Injectable()
export class HtmlCleaner implements OnModuleDestroy {
  #thread: Worker | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(
    @Inject(SETTINGS) private readonly settings: Values<typeof declared>,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** What may be shown of HTML; of what takes too long, or breaks the thread, only text. */
  clean(html: string): Promise<CleanHtml> {
    const turn = this.#turn.then(() => this.#inThread(html));
    this.#turn = turn;
    return turn;
  }

  async onModuleDestroy(): Promise<void> {
    await this.#turn;
    await this.#thread?.terminate();
  }

  async #inThread(html: string): Promise<CleanHtml> {
    const thread = (this.#thread ??= await this.#start());
    const cleaned = await answerOf(thread, html, this.settings.htmlDeadlineMs);
    if (cleaned) return cleaned;
    this.#thread = undefined;
    await thread.terminate();
    this.logger.warn({ characters: html.length }, 'HTML could not be cleaned in time');
    return { html: '', text: strippedText(html) };
  }

  async #start(): Promise<Worker> {
    const thread = new Worker(besides('clean-thread'), {
      workerData: { rules: besides('clean-html').href },
      resourceLimits: { maxOldGenerationSizeMb: maxThreadMb },
      execArgv: [],
    });
    thread.unref();
    if (!(await answerOf(thread, '', startMs))) {
      await thread.terminate();
      throw new Error('the thread that cleans HTML does not start');
    }
    return thread;
  }
}

/** Its answer, or undefined where none comes in time or the thread dies of it. */
function answerOf(thread: Worker, html: string, withinMs: number): Promise<CleanHtml | undefined> {
  return new Promise((resolve) => {
    const done = (answer: CleanHtml | undefined) => {
      clearTimeout(timer);
      for (const name of ['message', 'error', 'exit']) thread.removeAllListeners(name);
      resolve(answer);
    };
    const timer = setTimeout(() => done(undefined), withinMs);
    thread.once('message', (answer: CleanHtml) => done(answer));
    thread.once('error', () => done(undefined));
    thread.once('exit', () => done(undefined));
    thread.postMessage(html, []);
  });
}

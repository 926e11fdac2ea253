// Starts the system's Chromium for tests of pages.
import { accessSync } from 'node:fs';
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';
import { isRoot } from './users.js';

const PLACES = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/usr/bin/google-chrome-stable',
  '/snap/bin/chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
];
// It asks the network for nothing but the pages a test opens.
const FLAGS = [
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-dev-shm-usage',
];
const TIMEOUT_MS = 30_000;

export interface TestBrowser extends AsyncDisposable {
  readonly browser: Browser;
  /** A page with cookies and storage of its own. */
  newPage(options?: BrowserContextOptions): Promise<Page>;
  stop(): Promise<void>;
}

export async function startBrowser(): Promise<TestBrowser> {
  const browser = await chromium.launch({
    executablePath: findChromium(),
    args: [...FLAGS, ...(isRoot() ? ['--no-sandbox'] : [])],
    timeout: TIMEOUT_MS,
  });
  const stop = () => browser.close();
  return {
    browser,
    newPage: async (options) => {
      const context = await browser.newContext(options);
      context.setDefaultTimeout(TIMEOUT_MS);
      return context.newPage();
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

function findChromium(): string {
  const found = [process.env.CHROMIUM_PATH, ...PLACES].find((path) => path && isThere(path));
  if (!found)
    throw new Error('Chromium is not installed: apt-get install -y chromium (or: node scripts/system-packages.mjs), or set CHROMIUM_PATH');
  return found;
}

function isThere(path: string): boolean {
  try {
    accessSync(path);
    return true;
  } catch {
    return false;
  }
}

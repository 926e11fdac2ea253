// The rules of the house about imports and files that no linter knows: which room may call on which.
import { readFile, readdir } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { join, matchesGlob, posix } from 'node:path';

const services = ['connections', 'sync', 'threading', 'attachment', 'sending', 'timeline', 'retention', 'gateway'];
const importPattern =
  /(?:^|\n)\s*(?:import|export)\s[^;'"]*?from\s*['"]([^'"]+)['"]|(?:^|\n)\s*import\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)/g;
const touchesTheWorld =
  /^(node:(fs|net|tls|http|https|http2|dgram|dns|child_process|worker_threads|cluster)(\/|$)|pg$|kafkajs|imapflow|nodemailer|smtp-server|@aws-sdk\/|@grpc\/|@prisma\/|@nestjs\/|@rejoinder\/(bus|runtime|vault|testing)\/)/;
const doors = /^(on-.+|.+-api|.+-worker|.+-store|.+-client|main|role|module|config|tx)$/;
const maxServiceFiles = 15;

/** What a file is, by where it stands and what it is called. */
export function kindOf(path) {
  const [room, house] = path.split('/');
  const test = /\.test\.ts$|\/test\//.test(path);
  const name = posix.basename(path).replace(/\.(test\.)?tsx?$/, '');
  return { path, room, house, test, name, domain: room === 'services' && services.includes(house) && !doors.test(name) };
}

/** Every import of a source text. */
export function importsOf(source) {
  return [...source.matchAll(importPattern)].map((match) => match[1] ?? match[2] ?? match[3]);
}

/** The package of ours that an import names: timeline for @rejoinder/timeline/role and for @rejoinder/timeline. */
const packageOf = (specifier) => /^@rejoinder\/([a-z]+)(\/|$)/.exec(specifier)?.[1];

/** Which libraries a library may stand on; a service may stand on all but testing. */
const standsOn = {
  base: [],
  mail: ['base'],
  contracts: ['base'],
  bus: ['base', 'contracts'],
  vault: ['base'],
  runtime: ['base', 'contracts', 'bus', 'vault'],
};

/** libs/bus of libs/bus/src/event.ts. */
const roomOf = (path) => path.split('/').slice(0, 2).join('/');

const importRules = [
  {
    name: 'libs never import services',
    broken: (file, specifier) =>
      file.room === 'libs' && !file.test && services.concat('console', 'rejoinder').includes(packageOf(specifier)),
  },
  {
    name: 'a service never imports another',
    broken: (file, specifier) =>
      file.room === 'services' &&
      services.includes(file.house) &&
      !file.test &&
      packageOf(specifier) !== file.house &&
      services.concat('console', 'rejoinder').includes(packageOf(specifier)),
  },
  {
    name: 'libraries stand on each other in one order',
    broken: (file, specifier) =>
      file.room === 'libs' &&
      !file.test &&
      file.house in standsOn &&
      packageOf(specifier) in standsOn &&
      packageOf(specifier) !== file.house &&
      !standsOn[file.house].includes(packageOf(specifier)),
  },
  {
    name: 'only tests and benches have the test town',
    broken: (file, specifier) =>
      ['libs', 'services'].includes(file.room) && file.house !== 'testing' && !file.test && packageOf(specifier) === 'testing',
  },
  {
    name: 'what is shipped needs nothing that only tests install',
    broken: (file, specifier) =>
      file.room !== 'test' && file.house !== 'testing' && !file.test && /^(vitest|fast-check|@axe-core)(\/|$)/.test(specifier),
  },
  {
    name: 'base and mail do no I/O',
    broken: (file, specifier) =>
      file.room === 'libs' && ['base', 'mail'].includes(file.house) && !file.test && touchesTheWorld.test(specifier),
  },
  {
    name: 'the domain touches nothing of the world',
    broken: (file, specifier) => file.domain && !file.test && /^(@prisma\/|\.\/generated\/|pg$|kafkajs|@aws-sdk\/)/.test(specifier),
  },
  {
    name: 'a handler touches nothing but its own database',
    broken: (file, specifier) =>
      file.room === 'services' &&
      file.name.startsWith('on-') &&
      !file.test &&
      (/-(client|worker)\.js$/.test(specifier) ||
        /^(node:(fs|net|tls|http|https|dns|child_process)(\/|$)|pg$|imapflow|nodemailer|@aws-sdk\/|@grpc\/|@rejoinder\/runtime\/(peers|grpc-client))/.test(
          specifier,
        )),
  },
  {
    name: 'a store meets nobody but its database',
    broken: (file, specifier) =>
      file.room === 'services' &&
      file.name.endsWith('-store') &&
      !file.test &&
      /^(node:(net|tls|http|https)(\/|$)|imapflow|nodemailer|@grpc\/|@rejoinder\/runtime\/(peers|grpc-client))/.test(specifier),
  },
  {
    name: 'only a store has Prisma or SQL',
    broken: (file, specifier) =>
      file.room === 'services' &&
      services.includes(file.house) &&
      !file.test &&
      !/-store$|^role$|^module$|^tx$/.test(file.name) &&
      ((/(^|\/)generated\//.test(specifier) && specifier.startsWith('.')) || specifier === 'pg'),
  },
  {
    name: 'no reaching into another package',
    broken: (file, specifier) =>
      /^@rejoinder\/[a-z]+\/(src|dist)\//.test(specifier) ||
      (specifier.startsWith('.') &&
        ['libs', 'services', 'bench'].includes(file.room) &&
        roomOf(posix.join(posix.dirname(file.path), specifier)) !== roomOf(file.path)),
  },
  {
    name: 'import the file, not the folder',
    broken: (_file, specifier) => specifier.startsWith('.') && !/\.(m?js|json|css|svg|tsx?)$/.test(specifier),
  },
];

/** Broken rules of one file: `path: rule (detail)`. */
export function checkFile(path, source) {
  const file = kindOf(path);
  const found = [];
  for (const written of importsOf(source)) {
    const specifier = isBuiltin(written) && !written.startsWith('node:') ? `node:${written}` : written;
    for (const rule of importRules) if (rule.broken(file, specifier)) found.push(`${path}: ${rule.name} (imports ${specifier})`);
  }
  if (!/^\s*(\/\/ \S|\/\*\* ?\S|#!)/.test(source)) found.push(`${path}: each file opens with a sentence that says what it is for`);
  const lines = source.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('//'));
  if (lines.length > 0 && lines.every((line) => /^export (\*|\{[^}]*\}) from /.test(line))) found.push(`${path}: no barrels`);
  return found;
}

/** Broken rules of the whole house; files as [path, source]. */
export function checkHouse(files) {
  const found = files.flatMap(([path, source]) => checkFile(path, source));
  for (const service of services) {
    const flat = files.filter(([path]) => new RegExp(`^services/${service}/src/[^/]+\\.ts$`).test(path) && !path.endsWith('.test.ts'));
    if (flat.length > maxServiceFiles)
      found.push(`services/${service}/src: ${flat.length} files, more than ${maxServiceFiles}: make noun folders`);
    const deep = files.find(([path]) => new RegExp(`^services/${service}/src/[^/]+/[^/]+/`).test(path) && !path.includes('/generated/'));
    if (deep) found.push(`${deep[0]}: one level of noun folders, never two`);
  }
  return found;
}

/** Tests that a package would build; configs as [path of its tsconfig.json, content]. They need what `npm start` does not install. */
export function checkBuilds(configs, files) {
  return configs.flatMap(([path, { exclude = [] }]) => {
    const room = `${posix.dirname(path)}/`;
    const tests = files.map(([file]) => file).filter((file) => file.startsWith(`${room}src/`) && /\.test\.tsx?$/.test(file));
    const built = tests.filter((file) => !exclude.some((glob) => matchesGlob(file.slice(room.length), glob)));
    return built.map((file) => `${path}: a build leaves tests out (exclude ${file.slice(room.length)})`);
  });
}

/** What each package is built by. */
export async function readBuilds(root) {
  const configs = [];
  for (const top of ['libs', 'services', '.']) {
    for (const entry of await readdir(join(root, top), { withFileTypes: true }).catch(() => [])) {
      if (top === '.' ? entry.name !== 'bench' : !entry.isDirectory()) continue;
      const path = posix.join(top, entry.name, 'tsconfig.json');
      configs.push([path, JSON.parse(await readFile(join(root, path), 'utf8'))]);
    }
  }
  return configs;
}

/** All TypeScript of the repository but what is generated or built. */
export async function readHouse(root) {
  const files = [];
  for (const top of ['libs', 'services', 'bench', 'test']) {
    const entries = await readdir(join(root, top), { recursive: true, withFileTypes: true }).catch(() => []);
    for (const entry of entries) {
      const path = posix.join(entry.parentPath.slice(root.length + 1), entry.name);
      if (!entry.isFile() || !/\.tsx?$/.test(entry.name) || /(^|\/)(node_modules|dist|generated)\//.test(path) || path.endsWith('.d.ts'))
        continue;
      files.push([path, await readFile(join(root, path), 'utf8')]);
    }
  }
  return files;
}

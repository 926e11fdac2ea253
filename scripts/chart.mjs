// Writes the README of the chart from its values and their schema; with --check, tells whether it is what they say.
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { parse } from 'yaml';

const chart = join(dirname(dirname(fileURLToPath(import.meta.url))), 'charts', 'rejoinder');
const read = (name) => readFileSync(join(chart, name), 'utf8');
const { properties } = JSON.parse(read('values.schema.json'));
const values = parse(read('values.yaml'));

/** A row for each value that is set by itself, below one for the group that it is in. */
function rows(properties, values, path = '') {
  return Object.entries(properties).flatMap(([name, schema]) => {
    const at = `${path}${name}`;
    if (!schema.properties || name === 'roles') return [row(at, schema, values?.[name])];
    return [`| **${at}** | | ${schema.description} |`, ...rows(schema.properties, values?.[name], `${at}.`)];
  });
}

function row(at, { description, enum: choices }, value) {
  const meaning = choices ? `${description} One of ${choices.map((one) => `\`${one}\``).join(', ')}.` : description;
  return `| \`${at}\` | ${value === undefined || at === 'roles' ? '' : `\`${JSON.stringify(value)}\``} | ${meaning} |`;
}

const readme = `<!-- Written by scripts/chart.mjs from values.yaml and values.schema.json. -->

# The chart \`rejoinder\`

One image, a Deployment and a Service for each role, and nothing bundled: PostgreSQL, Kafka and an S3 bucket are yours, and are named by what stands in
Secrets of yours. Needs Kubernetes 1.29 or newer and Helm 4. [docs/operations.md](../../docs/operations.md) tells how to run it.

\`\`\`sh
kubectl create namespace rejoinder      # then the Secrets, as examples/minimal.yaml says
helm install rejoinder charts/rejoinder --namespace rejoinder --values charts/rejoinder/examples/minimal.yaml
helm test rejoinder --namespace rejoinder --logs
\`\`\`

- [examples/minimal.yaml](examples/minimal.yaml): the least that must be said, and how the Secrets are made.
- [examples/production.yaml](examples/production.yaml): with [CloudNativePG](examples/operators/cloudnative-pg.yaml),
  [Strimzi](examples/operators/strimzi.yaml), an Ingress, logging addresses and sign-in with Google.
- [examples/laptop.yaml](examples/laptop.yaml): kind or k3d.

What it makes: for each role a ServiceAccount without a token, a Deployment, a Service, a PodDisruptionBudget and a NetworkPolicy
([files/roles.yaml](files/roles.yaml) says who calls whom); before each install and upgrade a Job that migrates. Pods run as 10001 under Pod Security
\`restricted\`. What is wrong with the values is told before anything is changed: all at once, each with what to do. A Secret that has changed is read when pods start:
\`kubectl rollout restart deployment --namespace rejoinder --selector app.kubernetes.io/instance=rejoinder\`. \`helm uninstall\` leaves your Secrets, databases, topics and bucket, and
the Job of a migration that failed.

## Values

| value | default | meaning |
| --- | --- | --- |
${rows(properties, values).join('\n')}
`;

const file = join(chart, 'README.md');
const text = await format(readme, { ...(await resolveConfig(file)), parser: 'markdown' });
if (!process.argv.includes('--check')) writeFileSync(file, text);
else if (read('README.md') !== text) {
  process.stdout.write('charts/rejoinder/README.md is not what the values and their schema say: run node scripts/chart.mjs\n');
  process.exitCode = 1;
}

/**
 * Prints what an image costs: its size, and how long the program in it takes to start. `node scripts/image-facts.mjs [IMAGE]`, with
 * a container engine at hand (DOCKER_HOST, or the default socket). Plain JavaScript, so that any Node runs it.
 *
 * The start is measured from the order to the engine until the program has answered `--version`, and beside it what the same container
 * needs when Node itself does nothing: the difference is the program's own.
 */
import { spawnSync } from 'node:child_process';
import process from 'node:process';

const RUNS = 5;
const image = process.argv[2] ?? 'lead-webhooks:dev';
// As the chart runs it: numeric user of the image, read-only root, no rights.
const HARDENED = [
  '--rm',
  '--read-only',
  '--cap-drop',
  'ALL',
  '--security-opt',
  'no-new-privileges',
  '--network',
  'none',
];

function docker(...args) {
  const { status, stdout, stderr, error } = spawnSync('docker', args, { encoding: 'utf8' });
  if (status === 0) return stdout.trim();
  process.stderr.write(`docker ${args[0]} failed: ${error === undefined ? stderr.trim() : error.message}\n`);
  process.exit(1);
}

function medianMs(...args) {
  const times = [];
  for (let run = 0; run < RUNS; run++) {
    const startedAt = performance.now();
    docker('run', ...HARDENED, ...args);
    times.push(performance.now() - startedAt);
  }
  return Math.round(times.sort((a, b) => a - b)[Math.floor(RUNS / 2)]);
}

const [about] = JSON.parse(docker('image', 'inspect', image));
const version = docker('run', ...HARDENED, image, '--version');
const whole = medianMs(image, '--version');
const bare = medianMs('--entrypoint', '/nodejs/bin/node', image, '--eval', '0');
const base = about.Config.Labels?.['org.opencontainers.image.base.name'] ?? 'unknown';
const lines = [
  `image    ${image}, version ${version}, user ${about.Config.User}, entrypoint ${about.Config.Entrypoint.join(' ')}`,
  `base     ${base}${base.includes('@sha256:') ? '' : ', which no digest pins'}`,
  `size     ${(about.Size / 1e6).toFixed(1)} MB in ${about.RootFS.Layers.length} layers`,
  `start    ${whole} ms until the program has answered, ${bare} ms of it for the container and Node (median of ${RUNS})`,
];
process.stdout.write(`${lines.join('\n')}\n`);

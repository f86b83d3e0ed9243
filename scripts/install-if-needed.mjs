/**
 * What `npm run demo` and `npm test` run first: brings node_modules into line with package-lock.json, or says nothing and
 * does nothing when it already is. Plain JavaScript for whatever Node is there (20 or newer): Node 24 itself is one of the
 * packages that it installs. It never changes the lock file.
 *
 * What is installed is judged by the lock file that npm itself keeps inside node_modules and writes last, so an
 * interrupted install is repeated, and one made by hand counts.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const NODE_MAJOR = 24;
const root = fileURLToPath(new URL('..', import.meta.url));
const node = `${root}node_modules/.bin/node`;

if (!isInstalled()) install();

/** True when every package of the lock file is there in its version, and the project's own Node starts. */
function isInstalled() {
  try {
    const wanted = packages('package-lock.json');
    const found = packages('node_modules/.package-lock.json');
    // A package for another platform is in the lock file only.
    const fits = ([path, { version, optional }]) => found[path]?.version === version || (optional && !found[path]);
    return Object.entries(wanted).every((entry) => entry[0] === '' || fits(entry)) && nodeMajor() >= NODE_MAJOR;
  } catch {
    return false;
  }
}

/** Path under the project → what the lock file says of the package there. Throws when there is no such file. */
function packages(file) {
  return JSON.parse(readFileSync(`${root}${file}`, 'utf8')).packages;
}

/** Major version of the project's own Node; 0 when it is missing or does not start. */
function nodeMajor() {
  const answer = spawnSync(node, ['--version'], { encoding: 'utf8' });
  return Number(/^v(\d+)\./.exec(answer.stdout ?? '')?.[1] ?? 0);
}

function install() {
  process.stderr.write('installing packages (npm ci) …\n');
  const npm = process.env.npm_execpath;
  const [command, ...args] = npm ? [process.execPath, npm] : ['npm'];
  const options = ['ci', '--no-audit', '--no-fund', '--loglevel=error'];
  const result = spawnSync(command, [...args, ...options], { cwd: root, encoding: 'utf8' });
  if (result.status !== 0) {
    const reason = result.error?.message ?? `${result.stdout}${result.stderr}`.trim();
    fail(`npm ci failed:\n${reason}`);
  }
  if (nodeMajor() < NODE_MAJOR) {
    fail(
      `npm ci went well, but node_modules/.bin/node is not Node ${NODE_MAJOR}: does npm skip install scripts here (npm config get ignore-scripts)?`,
    );
  }
}

/** Ends the program: nothing after us can work. */
function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

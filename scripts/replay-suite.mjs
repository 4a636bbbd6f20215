// Replays the recorded calls of test/vectors/wire against the built server. Arguments: part of a trace's path.
import { execFileSync, spawnSync } from 'node:child_process';

execFileSync('npm', ['run', '--silent', 'build'], { stdio: 'inherit' });
const args = ['--enable-source-maps', 'dist/test/replay/suite.js', ...process.argv.slice(2)];
process.exit(spawnSync(process.execPath, args, { stdio: 'inherit' }).status ?? 1);

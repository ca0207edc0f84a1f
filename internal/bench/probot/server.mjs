// Probot with one handler that does nothing; prints its address once it listens.
import http from 'node:http';
import { createNodeMiddleware, createProbot } from 'probot';

const probot = createProbot({
  overrides: {
    appId: 1,
    privateKey: process.env.PRIVATE_KEY,
    secret: process.env.WEBHOOK_SECRET,
    logLevel: 'fatal',
  },
});
const app = (robot) => { robot.on('workflow_run', async () => {}); };
const middleware = await createNodeMiddleware(app, { probot, webhooksPath: '/api/github/hook' });
const server = http.createServer((req, res) => {
  middleware(req, res, () => { res.writeHead(404); res.end(); });
});
server.listen(0, '127.0.0.1', () => console.log(`listening http://127.0.0.1:${server.address().port}`));

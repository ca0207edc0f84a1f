// Package home judges whether a workflow of GitHub Actions could run on a host
// of one's own, by nektos/act in host mode, and mean there what it says. It
// judges from the file alone and starts nothing: [Check] reads bytes and gives
// a [Verdict], [Environment] lists what a step's process may see.
//
// The judgement is fail-closed, because act is not: what it does not know it
// mostly passes over, and calls the run a success. Measured with act v0.2.89
// in host mode, without Docker and without a network:
//
//   - a label in runs-on that no platform is given for: the job is skipped, exit 0;
//   - services are not started, and the job succeeds (nektos/act#2711); a job's
//     container and Docker actions fail;
//   - timeout-minutes of a job is not enforced; that of a step is read with
//     strconv.ParseInt, so what is no whole number is no limit;
//   - permissions, environment (with its approvals) and concurrency are ignored;
//     there is no OIDC, GITHUB_TOKEN is empty, and neither artifacts nor caches
//     have a server;
//   - an action that is not in the cache fails its job before the job's first
//     step, but jobs before it have run by then;
//   - the environment of the process is handed on to every step.
//
// Hence three decisions. What cannot be known from the files is refused. A
// workflow is refused whole when one of its jobs is: half of it could leave a
// release without its announcement. And the deadline of a job is ours to keep,
// which is why the verdict reports it.
//
// Each rule is a file rule_*.go with cases under testdata/<rule>; docs/home.md
// has the table. act skips actions/checkout of the workflow's own repository and
// copies the tree in its stead (isLocalCheckout in its pkg/runner), so that one
// need be neither pinned nor cached.
//
// Limits of GitHub that are used here: 21,000 characters of an expression and
// 360 minutes of a job that gives no limit, five days of any job on a runner of
// one's own (docs.github.com, "Usage limits" and "Workflow syntax").
package home

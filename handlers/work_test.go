package handlers

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

const watchedPath = ".github/workflows/marketing-sync.yml"

// failedRun is a watched run that ended badly on the default branch.
var failedRun = fields{
	"action": "completed", "workflow_run.id": 900, "workflow_run.path": watchedPath, "workflow_run.event": "schedule",
	"workflow_run.conclusion": "failure", "workflow_run.head_branch": "main", "workflow_run.head_repository.id": 42,
	"workflow_run.actor.login": "alice", "workflow_run.actor.type": "User",
	"workflow_run.triggering_actor.login": "alice", "workflow_run.triggering_actor.type": "User",
}

func observe(run int64) []queue.Item {
	return []queue.Item{queue.ObserveRun{Repo: site, RunID: run, DeliveryID: "guid-1"}.Item()}
}

func TestWorkflowRun(t *testing.T) {
	run := func(change fields) fields { return but(failedRun, change) }
	concluded := func(conclusion any) fields { return run(fields{"workflow_run.conclusion": conclusion}) }
	dispatched := func(action, event, actor string) fields {
		return run(fields{
			"action": action, "workflow_run.path": ".github/workflows/fallback.yml", "workflow_run.event": event,
			"workflow_run.actor.login": actor, "workflow_run.actor.type": "Bot", "workflow_run.conclusion": nil,
		})
	}
	rows{
		"failure":                         {concluded("failure"), observe(900)},
		"timed out":                       {concluded("timed_out"), observe(900)},
		"startup failure":                 {concluded("startup_failure"), observe(900)},
		"success":                         {concluded("success"), observe(900)},
		"cancelled":                       {concluded("cancelled"), nil},
		"skipped":                         {concluded("skipped"), nil},
		"neutral":                         {concluded("neutral"), nil},
		"action required":                 {concluded("action_required"), nil},
		"conclusion null":                 {concluded(nil), nil},
		"unheard-of conclusion":           {concluded("exploded"), nil},
		"in progress":                     {run(fields{"action": "in_progress"}), nil},
		"requested":                       {run(fields{"action": "requested"}), nil},
		"unheard-of action":               {run(fields{"action": "paused"}), nil},
		"another branch":                  {run(fields{"workflow_run.head_branch": "topic"}), nil},
		"branch null":                     {run(fields{"workflow_run.head_branch": nil}), nil},
		"a fork's main":                   {run(fields{"workflow_run.head_repository.id": 43}), nil},
		"a lost fork's main":              {run(fields{"workflow_run.head_repository": nil}), nil},
		"pull request":                    {run(fields{"workflow_run.event": "pull_request"}), nil},
		"pull request target":             {run(fields{"workflow_run.event": "pull_request_target"}), nil},
		"not watched":                     {run(fields{"workflow_run.path": ".github/workflows/other.yml"}), nil},
		"path with ref":                   {run(fields{"workflow_run.path": watchedPath + "@refs/heads/main"}), observe(900)},
		"path from the workflow":          {run(fields{"workflow_run.path": nil, "workflow.path": watchedPath}), observe(900)},
		"no path at all":                  {run(fields{"workflow_run.path": nil, "workflow": nil}), nil},
		"no run id":                       {run(fields{"workflow_run.id": nil}), nil},
		"tracked, cancelled":              {run(fields{"workflow_run.id": 901, "workflow_run.conclusion": "cancelled"}), observe(901)},
		"tracked, in progress":            {run(fields{"workflow_run.id": 901, "action": "in_progress"}), observe(901)},
		"tracked, another branch":         {run(fields{"workflow_run.id": 901, "workflow_run.head_branch": "topic"}), observe(901)},
		"our workflow_dispatch":           {dispatched("requested", "workflow_dispatch", "redundancy[bot]"), observe(900)},
		"our repository_dispatch":         {dispatched("in_progress", "repository_dispatch", "Redundancy[bot]"), observe(900)},
		"our push":                        {dispatched("requested", "push", "redundancy[bot]"), nil},
		"another bot's workflow_dispatch": {dispatched("requested", "workflow_dispatch", "renovate[bot]"), nil},
		"our re-run by triggering actor": {but(dispatched("requested", "workflow_dispatch", "alice"), fields{
			"workflow_run.triggering_actor.login": "redundancy[bot]",
		}), observe(900)},
	}.run(t, "workflow_run", func(_ *testing.T, b *bench) {
		b.runs.watched[watchedPath] = true
		b.runs.tracked[901] = true
	})
}

func TestWorkflowRunOfAnUnreadConfiguration(t *testing.T) {
	rows{
		"failure is worth finding out": {failedRun, observe(900)},
		"success is not":               {but(failedRun, fields{"workflow_run.conclusion": "success"}), nil},
		"nor is another branch":        {but(failedRun, fields{"workflow_run.head_branch": "topic"}), nil},
	}.run(t, "workflow_run", func(_ *testing.T, b *bench) { b.runs.unread = true })
}

func TestWorkflowRunWhileOurLoginIsUnknown(t *testing.T) {
	run := but(failedRun, fields{"workflow_run.path": "x.yml", "workflow_run.event": "workflow_dispatch"})
	rows{
		"any bot may be us":   {but(run, fields{"workflow_run.actor.login": "renovate[bot]"}), observe(900)},
		"but no person is us": {run, nil},
	}.run(t, "workflow_run", func(_ *testing.T, b *bench) { b.self = "" })
}

func TestCheckRun(t *testing.T) {
	const (
		recovers = "redundancy / recover marketing-sync"
		key      = "0123456789ab"
	)
	check := func(action, name string) fields {
		return fields{
			"action": action, "check_run.name": name, "check_run.app.id": appID, "check_run.head_sha": sha,
			"check_run.external_id": "incident:1:" + key, "requested_action.identifier": "recover",
		}
	}
	external := func(id any) fields {
		return but(check("requested_action", recovers), fields{"check_run.external_id": id})
	}
	recovery := func(reason string, incident int64) []queue.Item {
		return []queue.Item{queue.Recover{
			Repo: site, Target: "marketing-sync", Reason: reason, Actor: "alice", Verify: true, IncidentID: incident, DeliveryID: "guid-1",
		}.Item()}
	}
	wasDone := []queue.Item{queue.Recover{
		Repo: site, Target: "marketing-sync", Reason: "button", Actor: "alice", Verify: true, Done: true, IncidentID: 1, DeliveryID: "guid-1",
	}.Item()}
	pausing := func(resume bool) []queue.Item {
		return []queue.Item{queue.PauseTarget{
			Repo: site, Target: "marketing-sync", Resume: resume, Reason: "button", Actor: "alice", Verify: true, IncidentID: 1, DeliveryID: "guid-1",
		}.Item()}
	}
	rows{
		"re-run of validate":        {check("rerequested", "redundancy / validate"), validate(true)},
		"re-run of a recovery":      {check("rerequested", recovers), recovery("re-run of the check run", 1)},
		"button":                    {check("requested_action", recovers), recovery("button", 1)},
		"it was done":               {but(check("requested_action", recovers), fields{"requested_action.identifier": "done"}), wasDone},
		"done, of another database": {but(external("incident:1:ffffffffffff"), fields{"requested_action.identifier": "done"}), nil},
		"re-run after done":         {but(check("rerequested", recovers), fields{"requested_action.identifier": "done"}), recovery("re-run of the check run", 1)},
		"pause":                     {but(check("requested_action", recovers), fields{"requested_action.identifier": "pause"}), pausing(false)},
		"resume":                    {but(check("requested_action", recovers), fields{"requested_action.identifier": "resume"}), pausing(true)},
		"pause, pressed by nobody":  {but(check("requested_action", recovers), fields{"requested_action.identifier": "pause", "sender": nil}), nil},
		"pause on validate":         {but(check("requested_action", "redundancy / validate"), fields{"requested_action.identifier": "pause"}), nil},
		"another button":            {but(check("requested_action", recovers), fields{"requested_action.identifier": "fix"}), nil},
		"button without identifier": {but(check("requested_action", recovers), fields{"requested_action": nil}), nil},
		"button on validate":        {check("requested_action", "redundancy / validate"), nil},
		"created":                   {check("created", recovers), nil},
		"completed":                 {check("completed", recovers), nil},
		"another App's":             {but(check("rerequested", recovers), fields{"check_run.app.id": 15368}), nil},
		"another App's, same name":  {but(check("rerequested", "redundancy / validate"), fields{"check_run.app.id": 15368}), nil},
		"no App":                    {but(check("rerequested", recovers), fields{"check_run.app": nil}), nil},
		"another check run":         {check("rerequested", "lint"), nil},
		"validate without commit":   {but(check("rerequested", "redundancy / validate"), fields{"check_run.head_sha": ""}), nil},
		"no workflow in the name":   {check("rerequested", "redundancy / recover "), nil},
		"pressed by nobody":         {but(check("requested_action", recovers), fields{"sender": nil}), nil},
		"without external id":       {external(nil), recovery("button", 0)},
		"key of a lost database":    {external("incident:1:ffffffffffff"), recovery("button", 0)},
		"key missing":               {external("incident:1"), recovery("button", 0)},
		"incident that is not here": {external("incident:9:" + key), recovery("button", 0)},
		"incident of another":       {external("incident:2:" + key), recovery("button", 0)},
		"number out of range":       {external("incident:99999999999999999999:" + key), recovery("button", 0)},
	}.run(t, "check_run", func(t *testing.T, b *bench) {
		b.write(t, func(ctx context.Context, tx *store.Tx) error {
			for i, repo := range []int64{site.ID, 43} {
				inc := store.Incident{OccurrenceKey: fmt.Sprintf("%s%052d", key, i), RepoID: repo, State: "exhausted", Ladder: "{}"}
				if _, err := tx.OpenIncident(ctx, &inc); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

func TestRepositoryDispatch(t *testing.T) {
	send := func(event string, payload any) fields {
		return fields{"action": event, "client_payload": payload}
	}
	type m = map[string]any
	recovery := func(r queue.Recover) []queue.Item {
		r.Repo, r.Actor, r.Automated, r.DeliveryID = site, "alice", true, "guid-1"
		return []queue.Item{r.Item()}
	}
	again := func(ref string) []queue.Item {
		return []queue.Item{queue.ValidateCommit{Repo: site, Ref: ref, DeliveryID: "guid-1", Again: true}.Item()}
	}
	rows{
		"recover":                {send("redundancy-recover", m{"target": "marketing-sync", "reason": "alarm"}), recovery(queue.Recover{Target: "marketing-sync", Reason: "alarm"})},
		"recover, other keys":    {send("redundancy-recover", m{"target": "a.yml", "run_id": 12, "x": m{}}), recovery(queue.Recover{Target: "a.yml"})},
		"recover without any":    {send("redundancy-recover", m{}), recovery(queue.Recover{})},
		"recover, payload null":  {send("redundancy-recover", nil), recovery(queue.Recover{})},
		"depth":                  {send("redundancy-recover", m{"target": "a", "depth": 3}), recovery(queue.Recover{Target: "a", Depth: 3})},
		"depth out of bounds":    {send("redundancy-recover", m{"target": "a", "depth": 100000}), recovery(queue.Recover{Target: "a", Depth: 100})},
		"negative depth":         {send("redundancy-recover", m{"target": "a", "depth": -1}), nil},
		"depth as text":          {send("redundancy-recover", m{"target": "a", "depth": "3"}), nil},
		"target as number":       {send("redundancy-recover", m{"target": 7}), nil},
		"target as list":         {send("redundancy-recover", m{"target": []string{"a"}}), nil},
		"payload as list":        {send("redundancy-recover", []int{1}), nil},
		"payload as text":        {send("redundancy-recover", "a"), nil},
		"target at the limit":    {send("redundancy-recover", m{"target": strings.Repeat("a", 255)}), recovery(queue.Recover{Target: strings.Repeat("a", 255)})},
		"target over the limit":  {send("redundancy-recover", m{"target": strings.Repeat("a", 256)}), nil},
		"target with controls":   {send("redundancy-recover", m{"target": "a\nb"}), nil},
		"long reason is cut":     {send("redundancy-recover", m{"reason": strings.Repeat("é", 501)}), recovery(queue.Recover{Reason: strings.Repeat("é", 500)})},
		"validate":               {send("redundancy-validate", m{}), again("")},
		"validate a branch":      {send("redundancy-validate", m{"ref": "release/1"}), again("release/1")},
		"validate, ref null":     {send("redundancy-validate", m{"ref": nil}), again("")},
		"ref as number":          {send("redundancy-validate", m{"ref": 1}), nil},
		"ref that climbs":        {send("redundancy-validate", m{"ref": "../../x"}), nil},
		"ref with a space":       {send("redundancy-validate", m{"ref": "a b"}), nil},
		"another type":           {send("deploy", m{"target": "a"}), nil},
		"our own outgoing type":  {send("redundancy-fallback", m{"target": "a"}), nil},
		"another type, bad body": {send("deploy", 7), nil},
	}.run(t, "repository_dispatch", nil)
}

func TestRefusedDispatchIsVisibleInTheLog(t *testing.T) {
	b := newBench(t)
	b.send(t, "repository_dispatch", example(t, "repository_dispatch", addressed, fields{"action": "redundancy-recover", "client_payload": map[string]any{"target": 7}}))
	if got := b.log.String(); !strings.Contains(got, `"level":"warn"`) || !strings.Contains(got, "client_payload") {
		t.Errorf("no warning: %s", got)
	}
}

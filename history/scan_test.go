package history

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/redundancy-app/redundancy/fallback/runs"
	"github.com/redundancy-app/redundancy/internal/githubtest"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// watching is a bench whose workflows are watched since a while, with nothing
// in doubt.
func watching(t *testing.T, cfg githubtest.Config) *bench {
	t.Helper()
	b := newBench(t, cfg)
	b.enrol("0 * * * *", b.at)
	b.pass(time.Hour)
	return b
}

const listAll = "actions/list-workflow-runs-for-repo"

func TestScanFindsWhatNoWebhookTold(t *testing.T) {
	b := watching(t, githubtest.Config{})
	b.clock.Advance(3 * time.Minute)
	good, bad := b.run(pushed, "push", "success"), b.run(hourly, "schedule", "failure")
	newer := b.run(pushed, "push", "success")
	going := b.run(pushed, "push", "")
	b.run(other, "push", "failure")
	elsewhere, err := b.repo.StartRunAt(pushed, "pull_request", "main", "octocat")
	if err != nil {
		t.Fatal(err)
	}
	jobs := b.pass(10 * time.Minute)
	if diff := cmp.Diff([]int64{newer.ID, bad.ID}, observed(jobs)); diff != "" {
		t.Errorf("runs with consequences: the newest success and each failure (-want +got):\n%s", diff)
	}
	known, err := b.store.KnownRuns(b.ctx, b.repo.ID, []int64{good.ID, bad.ID, newer.ID, going.ID, elsewhere.ID})
	if err != nil {
		t.Fatal(err)
	}
	got := map[int64]string{}
	for id, r := range known {
		got[id] = r.Status + " " + r.Conclusion
	}
	want := map[int64]string{good.ID: "completed success", bad.ID: "completed failure", newer.ID: "completed success", going.ID: "in_progress "}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("on record (-want +got):\n%s", diff)
	}
	// The same again is no news; the end of what was going on is.
	if ids := observed(b.pass(10 * time.Minute)); len(ids) > 0 {
		t.Errorf("observed again: %v", ids)
	}
	if err := going.Complete("timed_out"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int64{going.ID}, observed(b.pass(10*time.Minute))); diff != "" {
		t.Errorf("after it ended (-want +got):\n%s", diff)
	}
	// So is another attempt, although it keeps the moment of its creation.
	if err := going.Rerun("octocat"); err != nil {
		t.Fatal(err)
	}
	if err := going.Complete("failure"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int64{going.ID}, observed(b.pass(10*time.Minute))); diff != "" {
		t.Errorf("after its second attempt (-want +got):\n%s", diff)
	}
}

func TestScanOfWhatIsUnchangedIsFree(t *testing.T) {
	b := watching(t, githubtest.Config{})
	b.run(pushed, "push", "success")
	b.pass(time.Hour)
	before := b.gh.Count(listAll)
	spent := b.spent()
	if spent == 0 {
		t.Fatal("nothing was ever spent")
	}
	b.restart() // nothing of it is kept in memory
	b.pass(30 * time.Minute)
	scans := b.gh.Count(listAll) - before
	if scans < 4 || scans > 8 {
		t.Errorf("%d scans in half an hour, want one about every five minutes", scans)
	}
	calls := b.gh.Calls()
	for _, c := range calls[len(calls)-scans:] {
		if c.Operation == listAll && c.Status != 304 {
			t.Errorf("call %d was answered %d", c.Number, c.Status)
		}
	}
	if n := b.spent(); n > spent {
		t.Errorf("%d answers are counted as spent, %d before", n, spent)
	}
}

func (b *bench) spent() int {
	b.Helper()
	s, err := store.ReadScanBudget(b.ctx, b.store.Read(), b.at.InstallationID)
	if err != nil {
		b.Fatal(err)
	}
	return s.Spent
}

// A workflow that comes under watch later makes old answers worth nothing.
func TestScanReadsAnewForANewWatch(t *testing.T) {
	b := newBench(t, githubtest.Config{})
	going := b.run(pushed, "push", "") // since before the watch
	b.clock.Advance(2 * time.Hour)
	b.enrol("0 * * * *", b.at)
	b.work()
	known, err := b.store.KnownRuns(b.ctx, b.repo.ID, []int64{going.ID})
	if err != nil || known[going.ID].Status != "in_progress" {
		t.Fatalf("a run that was under way is not known: %+v %v", known, err)
	}
}

// One that comes under watch later makes an unchanged answer worth reading.
func TestScanReadsAnewForALaterWatch(t *testing.T) {
	b := newBench(t, githubtest.Config{})
	b.enrolOnly("0 * * * *", []string{hourly}, b.at)
	b.pass(time.Hour)
	going := b.run(pushed, "push", "")
	b.pass(20 * time.Minute)
	if known, err := b.store.KnownRuns(b.ctx, b.repo.ID, []int64{going.ID}); err != nil || len(known) > 0 {
		t.Fatalf("a run that nobody watches is on record: %v %v", known, err)
	}
	b.enrol("0 * * * *", b.at)
	b.work()
	if known, err := b.store.KnownRuns(b.ctx, b.repo.ID, []int64{going.ID}); err != nil || len(known) != 1 {
		t.Errorf("the run is not on record: %v %v", known, err)
	}
}

// TestScanMakesWebhooksDoubtful: what one repository has missed, others have.
func TestScanMakesWebhooksDoubtful(t *testing.T) {
	b := watching(t, githubtest.Config{})
	var rest []queue.Repo
	for i := range 60 { // enough for scans to be rare
		r, err := b.gh.AddRepo("acme", fmt.Sprintf("r%d", i), files("0 * * * *"))
		if err != nil {
			t.Fatal(err)
		}
		rest = append(rest, queue.Repo{InstallationID: b.at.InstallationID, ID: r.ID, Owner: "acme", Name: r.FullName()[len("acme/"):]})
	}
	b.cover(rest...)
	b.enrol("0 * * * *", rest...)
	b.pass(30 * time.Minute)
	calm := b.gh.Count(listAll)
	b.pass(time.Hour)
	calm = b.gh.Count(listAll) - calm
	if calm < 450 || calm > 560+61 { // and once an hour each the failed runs
		t.Errorf("%d scans an hour of 61 repositories, want what a tenth of the limit pays for", calm)
	}
	if err := func() error { c, err := b.store.CountScans(b.ctx, b.now()); return cmpErr(c.Doubtful, 0, err) }(); err != nil {
		t.Error(err)
	}
	b.run(pushed, "push", "failure")
	b.clock.Advance(3 * time.Minute)
	b.pass(10 * time.Minute)
	c, err := b.store.CountScans(b.ctx, b.now())
	if err != nil || c.Doubtful != 61 {
		t.Errorf("%d repositories are in doubt (%v), want all", c.Doubtful, err)
	}
	missed, err := b.store.Moment(b.ctx, store.MomentMissed)
	if err != nil || missed.IsZero() {
		t.Errorf("the miss is not noted: %v %v", missed, err)
	}
	b.pass(30 * time.Minute)
	if c, err = b.store.CountScans(b.ctx, b.now()); err != nil || c.Doubtful != 0 {
		t.Errorf("%d repositories are in doubt half an hour later (%v)", c.Doubtful, err)
	}
}

func cmpErr(got, want int, err error) error {
	if err == nil && got != want {
		err = fmt.Errorf("got %d, want %d", got, want)
	}
	return err
}

// What a webhook has told is no reason for doubt, nor what is on its way.
func TestScanTrustsWebhooksThatCame(t *testing.T) {
	b := watching(t, githubtest.Config{})
	x := b.run(pushed, "push", "success")
	told := store.WorkflowRun{RunID: x.ID, Attempt: 1, WorkflowPath: pushed, Event: "push", HeadBranch: "main", Status: "completed", Conclusion: "success",
		CreatedAt: b.now(), UpdatedAt: b.now()}
	b.update(func(ctx context.Context, tx *store.Tx) error {
		return errors.Join(b.engine.Seen(ctx, tx, b.at, told), tx.Account(ctx, b.at.ID, x.ID))
	})
	if ids := observed(b.pass(20 * time.Minute)); len(ids) > 0 {
		t.Errorf("observed although a webhook has told: %v", ids)
	}
	for b.scan().NextAt.Time().Sub(b.clock.Now()) > time.Second {
		b.pass(time.Second)
	}
	fresh := b.run(pushed, "push", "success") // a minute before the scan
	b.work()
	if missed, err := b.store.Moment(b.ctx, store.MomentMissed); err != nil || !missed.IsZero() {
		t.Errorf("webhooks are in doubt because of run %d: %v %v", fresh.ID, missed, err)
	}
}

func TestScanKeepsWithinItsShare(t *testing.T) {
	b := watching(t, githubtest.Config{RateLimit: 60}) // six an hour
	end := b.clock.Now().Add(4 * time.Hour)
	before := b.gh.Count(listAll)
	for b.clock.Now().Before(end) {
		b.run(pushed, "push", "success") // every answer is a new one
		b.pass(4 * time.Minute)
	}
	if n := b.gh.Count(listAll) - before; n < 16 || n > 30 {
		t.Errorf("%d scans in four hours, want about 24", n)
	}
}

func TestScanLeavesTheLastRequestsToOthers(t *testing.T) {
	b := watching(t, githubtest.Config{})
	b.History.noteRate(b.at.InstallationID, rateOf(5000, 400, b.clock.Now().Add(20*time.Minute)))
	before := b.gh.Count(listAll)
	b.pass(19 * time.Minute)
	if n := b.gh.Count(listAll); n != before {
		t.Errorf("%d scans while less than a tenth of the limit was left", n-before)
	}
	b.pass(10 * time.Minute)
	if n := b.gh.Count(listAll); n == before {
		t.Error("no scan after the reset")
	}
}

// The news of one repository must not wait for another that GitHub refuses.
func TestScanOfARefusedRepository(t *testing.T) {
	b := watching(t, githubtest.Config{})
	r, err := b.gh.AddRepo("acme", "gone", files("0 * * * *"))
	if err != nil {
		t.Fatal(err)
	}
	gone := queue.Repo{InstallationID: b.at.InstallationID, ID: r.ID, Owner: "acme", Name: "gone"}
	b.cover(gone)
	b.enrol("0 * * * *", gone)
	b.gh.Fault(githubtest.Fault{Operation: listAll, PathRegexp: "/gone/", Kind: githubtest.Status, Code: 404, Times: -1})
	b.run(pushed, "push", "failure")
	jobs := b.pass(24 * time.Hour)
	if n := len(observed(jobs)); n != 1 {
		t.Errorf("%d runs of the other repository were found, want 1", n)
	}
	refused, asked := 0, count(jobs, queue.SyncInstallation{})
	for _, c := range b.gh.Calls() {
		if c.Operation == listAll && c.Status == 404 {
			refused++
		}
	}
	if refused < 4 || refused > 12 || asked != refused {
		t.Errorf("%d requests for it in a day and %d searches, want ever fewer", refused, asked)
	}
}

func TestScanWhileGitHubFails(t *testing.T) {
	b := watching(t, githubtest.Config{})
	x := b.run(pushed, "push", "failure")
	b.gh.Fault(githubtest.Fault{Operation: listAll, Kind: githubtest.Status, Code: 502, Times: 4})
	b.gh.Fault(githubtest.Fault{Operation: listAll, Kind: githubtest.Truncate})
	b.gh.Fault(githubtest.Fault{Operation: listAll, Kind: githubtest.Secondary, RetryAfter: 2 * time.Minute})
	if diff := cmp.Diff([]int64{x.ID}, observed(b.pass(30*time.Minute))); diff != "" {
		t.Errorf("found once it answers (-want +got):\n%s", diff)
	}
}

// More runs than one list reads: the watched workflows are listed one by one.
func TestScanAfterManyRuns(t *testing.T) {
	for name, noise := range map[string]int{"as many as are read": maxPages*runs.PerPage - 2, "one more": maxPages*runs.PerPage - 1} {
		t.Run(name, func(t *testing.T) {
			b := watching(t, githubtest.Config{})
			x := b.run(pushed, "push", "failure")
			for range noise {
				b.run2(other)
			}
			if diff := cmp.Diff([]int64{x.ID}, observed(b.pass(10*time.Minute))); diff != "" {
				t.Errorf("found (-want +got):\n%s", diff)
			}
			one := b.gh.Count("actions/list-workflow-runs")
			if before := 3; (one > before) != (name == "one more") {
				t.Errorf("%d lists of single workflows", one-before)
			}
		})
	}
}

// run2 is a run that takes no time.
func (b *bench) run2(workflow string) {
	b.Helper()
	x, err := b.repo.StartRun(workflow, "push")
	if err == nil {
		err = x.Complete("success")
	}
	if err != nil {
		b.Fatal(err)
	}
}

// A run that began long ago has left the list when it ends.
func TestScanAsksForRunsBeyondTheList(t *testing.T) {
	b := watching(t, githubtest.Config{})
	x := b.run(pushed, "push", "")
	b.pass(10 * time.Minute)
	for range 2 * runs.PerPage {
		b.run2(other)
	}
	b.pass(10 * time.Minute)
	if ids := observed(b.pass(2 * time.Hour)); len(ids) < 1 || len(ids) > 3 || ids[0] != x.ID {
		t.Errorf("asked for %v, want %d about once an hour", ids, x.ID)
	}
}

// After days, only the newest result of a workflow is worth acting upon.
func TestScanAfterDays(t *testing.T) {
	b := watching(t, githubtest.Config{})
	var runs []*githubtest.Run
	for range 5 {
		b.clock.Advance(10 * time.Hour)
		runs = append(runs, b.run(hourly, "schedule", "failure"))
	}
	b.clock.Advance(10 * time.Hour)
	b.update(func(ctx context.Context, tx *store.Tx) error { return b.Wake(ctx, tx) })
	jobs := b.work()
	if diff := cmp.Diff([]int64{runs[4].ID, runs[3].ID}, observed(jobs)); diff != "" {
		t.Errorf("acted upon (-want +got):\n%s", diff)
	}
	known, err := b.store.PastRuns(b.ctx, b.repo.ID, hourly, "main", 0, 100)
	if err != nil || len(known) != 5 {
		t.Errorf("%d runs on record (%v), want all", len(known), err)
	}
}

// A push whose webhook was lost may have changed the configuration.
func TestScanNoticesALostPush(t *testing.T) {
	b := watching(t, githubtest.Config{})
	b.config(b.repo.Head("main"))
	b.run(pushed, "push", "success")
	if n := count(b.pass(10*time.Minute), queue.LoadConfig{}); n != 0 {
		t.Errorf("the configuration was read %d times for a commit that is known", n)
	}
	if _, err := b.repo.Push("main", map[string]string{"a": "b"}, "news"); err != nil {
		t.Fatal(err)
	}
	b.run(pushed, "push", "success")
	if n := count(b.pass(6*time.Minute), queue.LoadConfig{}); n != 1 {
		t.Errorf("the configuration was read %d times, want once", n)
	}
	b.config(b.repo.Head("main"))
	b.run(pushed, "push", "success")
	if n := count(b.pass(10*time.Minute), queue.LoadConfig{}); n != 0 {
		t.Errorf("the configuration was read %d times for a commit that is known", n)
	}
}

// config says at which commit the configuration was read, now.
func (b *bench) config(head string) {
	b.Helper()
	b.update(func(ctx context.Context, tx *store.Tx) error {
		return tx.SaveRepositoryConfig(ctx, store.RepositoryConfig{RepoID: b.repo.ID, InstallationID: b.at.InstallationID, Owner: "acme", Name: "site",
			HeadSHA: head, CheckedAt: b.now()})
	})
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/redundancy-app/redundancy/internal/githubtest"
)

func newDemo() *cobra.Command {
	var hold bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show the whole main job on this machine, without a GitHub account",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := os.MkdirTemp("", "redundancy-demo-")
			if err != nil {
				return err
			}
			d := demo{out: cmd.OutOrStdout(), start: time.Now()} //nolint:forbidigo // the story's own stopwatch
			if err := d.tell(cmd.Context(), dir, hold); err != nil {
				return &exitError{code: exitNo, err: fmt.Errorf("demo: %w; its files stay in %s", err, dir)}
			}
			return os.RemoveAll(dir)
		},
	}
	cmd.Flags().BoolVar(&hold, "hold", false, "keep everything running at the end, until interrupted")
	return cmd
}

// demo tells what happens while it happens.
type demo struct {
	out   io.Writer
	start time.Time
}

func (d *demo) say(format string, args ...any) {
	fmt.Fprintf(d.out, "%6.2fs  %s\n", time.Since(d.start).Seconds(), fmt.Sprintf(format, args...))
}

// quote prints what GitHub shows, indented.
func (d *demo) quote(text string) {
	for line := range strings.Lines(strings.TrimSpace(text)) {
		fmt.Fprintf(d.out, "         | %s\n", printable(strings.TrimRight(line, "\n")))
	}
}

func (d *demo) tell(ctx context.Context, dir string, hold bool) (err error) {
	w, err := newWorld(ctx, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	d.say("a simulated GitHub answers at %s, acme/site is a real git repository", w.github.URL())
	d.say("the App listens at %s, its data is in %s", w.address, dir)
	w.github.Install("acme")
	d.say("the App is installed on acme")

	for _, chapter := range []func(context.Context, *world) error{d.validation, d.dispatch, d.local} {
		if err := chapter(ctx, w); err != nil {
			return err
		}
	}
	if v := w.github.Violations(); len(v) > 0 {
		return fmt.Errorf("GitHub would have refused %d calls, the first one: %s", len(v), v[0])
	}
	d.say("%d API calls, all of them as GitHub describes them", len(w.github.Calls()))
	d.say("status: %s/api/v1/status (bearer token in %s)", w.address, filepath.Join(dir, "api-token"))
	if hold {
		d.say("everything keeps running; press Ctrl-C to end it")
		<-ctx.Done()
	}
	return nil
}

// validation: a push with a broken workflow gets annotations.
func (d *demo) validation(ctx context.Context, w *world) error {
	sha, err := w.repo.Push("nightly-report", map[string]string{".github/workflows/nightly-report.yml": demoFile("broken.yml")}, "add nightly report")
	if err != nil {
		return err
	}
	d.say("somebody pushes a broken workflow to the branch nightly-report")
	var run githubtest.CheckRun
	err = w.wait(ctx, "redundancy / validate", func() (ok bool) {
		run, ok = w.repo.CheckRun(sha, "redundancy / validate")
		return ok && run.Status == "completed"
	})
	if err != nil {
		return err
	}
	if run.Conclusion != "failure" || len(run.Annotations) == 0 {
		return fmt.Errorf("the broken workflow got %q with %d annotations", run.Conclusion, len(run.Annotations))
	}
	d.say("Check Run %q: %s, %q", run.Name, run.Conclusion, run.Title)
	for _, a := range run.Annotations {
		d.quote(fmt.Sprintf("%s:%d %s: %s", a.Path, a.StartLine, a.Level, a.Message))
	}
	return nil
}

// dispatch: a watched workflow fails, its fallback workflow is dispatched and
// followed to its end.
func (d *demo) dispatch(ctx context.Context, w *world) error {
	w.github.SetRunner(func(run *githubtest.Run) string {
		d.say("GitHub runs %s (%s)", filepath.Base(run.Workflow), run.Event)
		return "success"
	})
	shown, err := d.fail(ctx, w, "marketing-sync", githubtest.Job{Name: "post", Conclusion: "failure", Steps: []githubtest.Step{
		{Name: "Set up job", Conclusion: "success"}, {Name: "Run node automation/marketing-sync.js", Conclusion: "failure"},
	}})
	if err != nil {
		return err
	}
	if n := w.github.Effects("actions/create-workflow-dispatch"); n != 1 {
		return fmt.Errorf("the fallback was dispatched %d times", n)
	}
	d.quote(shown.Summary)
	return nil
}

// local: a watched workflow fails and a vetted script on this host takes over.
func (d *demo) local(ctx context.Context, w *world) error {
	shown, err := d.fail(ctx, w, "sync-health", githubtest.Job{Name: "health", Conclusion: "failure"})
	if err != nil {
		return err
	}
	ran, err := os.ReadFile(filepath.Join(w.dir, "ran.log"))
	if err != nil {
		return err
	}
	if n := strings.Count(string(ran), "\n"); n != 1 {
		return fmt.Errorf("the action ran %d times", n)
	}
	d.quote(shown.Summary)
	return nil
}

// fail makes a watched workflow fail and waits for its recovery to be shown.
func (d *demo) fail(ctx context.Context, w *world, name string, jobs ...githubtest.Job) (githubtest.CheckRun, error) {
	run, err := w.repo.StartRun(name+".yml", "schedule")
	if err != nil {
		return githubtest.CheckRun{}, err
	}
	if err := run.Complete("failure", jobs...); err != nil {
		return githubtest.CheckRun{}, err
	}
	failed := time.Since(d.start)
	d.say("the scheduled run of %s fails", name)
	check := "redundancy / recover " + name
	var shown githubtest.CheckRun
	err = w.wait(ctx, check, func() (ok bool) {
		shown, ok = w.repo.CheckRun(run.HeadSHA, check)
		return ok && shown.Status == "completed"
	})
	if err != nil {
		return shown, err
	}
	if shown.Conclusion != "success" {
		return shown, fmt.Errorf("%s ended as %q: %s", check, shown.Conclusion, shown.Title)
	}
	d.say("Check Run %q: %s, %.2f s after the failure", shown.Name, shown.Conclusion, (time.Since(d.start) - failed).Seconds())
	return shown, nil
}

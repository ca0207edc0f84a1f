package home

import (
	"fmt"
	"io/fs"
	"strings"
)

// Input is all that a judgement rests on.
type Input struct {
	// Path of the workflow file in its repository, and its content at the
	// commit that would run.
	Path string
	Data []byte
	Run  Run
	Host Host
	// Tree is the repository at that commit, for local actions and reusable
	// workflows. It is hostile: give a file system that does not follow links
	// out of it, as os.Root.FS. Without one, nothing local can be used.
	Tree fs.FS
}

// Run is the run that would be made up for. Its zero value is refused.
type Run struct {
	Event          string // its name, as in github.event_name
	DefaultBranch  bool   // its branch is the repository's default branch
	SameRepository bool   // its head is in the repository itself, not in a fork
	// DefaultBlob is git's name (40 or 64 hexadecimal digits) of the file that
	// now stands at Path on the default branch, "" when none does.
	DefaultBlob string
	// Approved is the SHA-256, in hexadecimal digits, of the file that the
	// host's owner has read and allowed, "" when there is none.
	Approved string
}

// Host is what a host offers. Names are compared without regard to case, as
// GitHub does. The zero value offers nothing.
type Host struct {
	Labels       []string // of runs-on that mean this host itself
	Environments []string // whose jobs may run here, without GitHub's approvals
	Secrets      []string // that have a value here
	Variables    []string // of the context vars that have a value here
	Actions      Actions  // nil: none
	Node         bool     // a node is in the path of steps
}

// Actions are the actions that a host keeps for when GitHub is away.
type Actions interface {
	// Metadata is the content of action.yml (or action.yaml) in a folder of a
	// repository at a full commit; dir is "." for its root. The error of an
	// action that is not kept is fs.ErrNotExist.
	Metadata(repo, dir, commit string) ([]byte, error)
}

// Check judges a workflow. It never panics, is safe for concurrent use, and
// takes a bounded time for hostile content: what is too large or too deep is
// refused.
func Check(in Input) (v Verdict) {
	j := &judge{in: &in, seen: map[Reason]bool{}}
	defer func() {
		if r := recover(); r != nil { // the parsers are libraries on hostile content
			j.whole = true
			j.refuse(&ruleYAML, place{file: in.Path}, "the file cannot be read: the parser stopped with %s", show(fmt.Sprint(r)))
			v = j.verdict(nil)
		}
	}()
	j.run()
	f := j.workflow(place{file: in.Path}, in.Data)
	if f == nil {
		return j.verdict(nil)
	}
	f.secrets, f.host = in.Host.Secrets, true
	j.event(f)
	j.judge(f)
	return j.verdict(f)
}

// run judges what is known of the run without the file's content.
func (j *judge) run() {
	at := place{file: j.in.Path}
	j.fork(at)
	j.defaultBranch(at)
	j.approval(at)
}

// judge judges a workflow, or one that it calls.
func (j *judge) judge(f *file) {
	j.expressions(f)
	j.needs(f)
	j.oidc(f.at(nil), f.w.Permissions)
	j.concurrency(f.at(nil), f.w.Concurrency)
	for _, job := range f.jobs {
		at := f.of(job)
		for _, r := range jobRules() {
			r(j, f, at, job)
		}
		for i, s := range job.Steps {
			at := at
			if at.step == 0 {
				at.step = i + 1
			}
			at.line = s.Pos.Line
			j.stepTimeout(f, at, s)
			j.stepUses(f, at, s)
		}
	}
}

func offered(names []string, name string) bool {
	for _, n := range names {
		if name != "" && strings.EqualFold(n, name) {
			return true
		}
	}
	return false
}

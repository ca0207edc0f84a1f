package home

import (
	"errors"
	"io/fs"
	"path"
	"regexp"
	"strings"

	"github.com/rhysd/actionlint"
)

// use is a step's "uses:", of a workflow or of a composite action.
type use struct {
	place
	text  string
	with  []string // the inputs that are given, in lower case
	depth int      // of composite actions that led here
}

// remote is "owner/name[/dir]@ref".
var remote = regexp.MustCompile(`\A([A-Za-z0-9-]{1,39}/[A-Za-z0-9._-]{1,100})(?:/([^@\s]+))?@([^@\s]+)\z`)

func (j *judge) stepUses(_ *file, at place, s *actionlint.Step) {
	a, ok := s.Exec.(*actionlint.ExecAction)
	if !ok || a.Uses == nil {
		return
	}
	at.line = a.Uses.Pos.Line
	u := use{place: at, text: a.Uses.Value}
	for name := range a.Inputs {
		u.with = append(u.with, strings.ToLower(name))
	}
	j.uses(u)
}

func (j *judge) uses(u use) {
	if strings.HasPrefix(u.text, "docker://") {
		j.docker(u)
		return
	}
	if dir, is := strings.CutPrefix(u.text, "./"); is || u.text == "." {
		j.localAction(u, path.Clean("./"+dir))
		return
	}
	m := remote.FindStringSubmatch(u.text)
	if m == nil {
		j.refuse(&rulePinned, u.place, "%s names no action at a full commit SHA", show(u.text))
		return
	}
	repo, dir, ref := m[1], path.Clean("./"+m[2]), m[3]
	if j.artifact(u, repo) || j.checkout(u, repo, dir) || !j.pinned(u, ref) {
		return
	}
	if !fs.ValidPath(dir) {
		j.refuse(&ruleAction, u.place, "%s leaves its repository", show(u.text))
		return
	}
	j.cached(u, repo, dir, strings.ToLower(ref))
}

func (j *judge) localAction(u use, dir string) {
	if !fs.ValidPath(dir) {
		j.refuse(&ruleAction, u.place, "%s leaves the repository", show(u.text))
		return
	}
	if j.in.Tree == nil {
		j.lacks(&ruleAction, u.place, "the local action %s is not at hand", show(u.text))
		return
	}
	if !j.another(&ruleAction, u.place) {
		return
	}
	name := path.Join(dir, "action.yml")
	data, err := readTree(j.in.Tree, name)
	if errors.Is(err, fs.ErrNotExist) {
		name = path.Join(dir, "action.yaml")
		data, err = readTree(j.in.Tree, name)
	}
	if err != nil {
		j.refuse(&ruleAction, u.place, "the local action %s has no action.yml that can be read", show(u.text))
		return
	}
	j.action(u, name, data)
}

const (
	// maxFiles that one judgement reads besides the workflow, each as often as
	// it is used: an action that uses another one twice, that uses another one
	// twice, would else cost as much as its author likes.
	maxFiles = 100
	// maxDepth of actions in actions and of workflows in workflows. GitHub
	// takes ten of either.
	maxDepth = 10
)

// another counts the files that are read.
func (j *judge) another(r *Rule, at place) bool {
	if j.files++; j.files > maxFiles {
		if j.files == maxFiles+1 {
			at.job, at.step = "", 0 // what is not looked at any more can be any job's
			j.refuse(r, at, "more than %d files are used", maxFiles)
		}
		return false
	}
	return true
}

var errNotRegular = errors.New("not a regular file")

// readTree reads a file up to one byte more than it may have.
func readTree(tree fs.FS, name string) ([]byte, error) {
	info, err := fs.Stat(tree, name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() { // to open a named pipe would wait for its writer
		return nil, errNotRegular
	}
	f, err := tree.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readLimited(f)
}

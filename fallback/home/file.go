package home

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/rhysd/actionlint"
	"go.yaml.in/yaml/v4" // the one that actionlint reads with, so that both see the same

	"github.com/redundancy-app/redundancy/config"
)

// MaxFile is how large a workflow or an action.yml may be, in bytes. GitHub
// itself runs workflow files of up to 500 KB.
const MaxFile = 512 << 10

// maxRead is how much all files of one judgement may have together, in bytes,
// each as often as it is used.
const maxRead = 4 << 20

var (
	ruleSize = Rule{
		ID: "size", Refuses: "a file over 512 KiB, or more than 4 MiB of all that is used", Why: "GitHub does not run it either",
	}
	ruleComplexity = Rule{
		ID: "complexity", Refuses: "a file that is nested too deeply, or whose anchors expand to more than 100,000 values",
		Why: "reading it would not end",
	}
	ruleYAML = Rule{
		ID: "yaml", Refuses: "a file with an error, a merge key (`<<`) or more than one document",
		Why: "GitHub would not run it, and act would read something into it",
	}
)

// file is a workflow that could be read.
type file struct {
	place
	w     *actionlint.Workflow
	root  *yaml.Node
	plain map[actionlint.Pos]string // scalars as they are written
	jobs  []*actionlint.Job         // as they stand in the file
	depth int                       // of calls that led here
	// secrets that have a value here; host says that they are the host's, and
	// not what a caller has passed.
	secrets []string
	host    bool
	called  map[string]time.Duration // how long the workflows take that jobs call, by job
}

func keyOf(job *actionlint.Job) string { return strings.ToLower(job.ID.Value) }

// at is a place in the file that belongs to no job in particular, unless the
// whole file is called by one.
func (f *file) at(pos *actionlint.Pos) place {
	at := f.place
	if at.line = 0; pos != nil {
		at.line = pos.Line
	}
	return at
}

func (f *file) of(job *actionlint.Job) place {
	at := f.at(job.Pos)
	if at.job == "" {
		at.key, at.job = keyOf(job), job.ID.Value
	}
	return at
}

// readable says whether the bytes can be given to the parsers at all.
func (j *judge) readable(at place, data []byte) bool {
	if len(data) > MaxFile {
		j.refuse(&ruleSize, at, "%s has more than %d bytes", show(at.file), MaxFile)
		return false
	}
	if j.read += len(data); j.read > maxRead {
		j.refuse(&ruleSize, at, "all files together have more than %d bytes, each as often as it is used", maxRead)
		return false
	}
	if err := config.CheckWorkflow(data); err != nil {
		j.refuse(&ruleComplexity, at, "%s is too complex: %v", show(at.file), err)
		return false
	}
	return true
}

// workflow reads a workflow; nil when it cannot be read, which is a reason then.
func (j *judge) workflow(at place, data []byte) *file {
	if !j.readable(at, data) {
		return nil
	}
	if _, err := config.WorkflowPath(at.file); err != nil || !strings.HasPrefix(at.file, config.WorkflowsDir+"/") {
		j.refuse(&ruleYAML, at, "%s is no path of a workflow", show(at.file))
		return nil
	}
	root, err := document(data)
	if err != nil {
		j.refuse(&ruleYAML, at, "%s cannot be read: %s", show(at.file), show(err.Error()))
		return nil
	}
	w, errs := actionlint.Parse(data)
	errs = slices.DeleteFunc(errs, func(e *actionlint.Error) bool { return strings.HasSuffix(e.Message, "is defined but not used") })
	if w == nil || len(errs) > 0 {
		for _, e := range errs[:min(len(errs), MaxReasons)] {
			at.line = e.Line
			j.refuse(&ruleYAML, at, "%s has an error: %s", show(at.file), show(e.Message))
		}
		if len(errs) == 0 {
			j.refuse(&ruleYAML, at, "%s cannot be read", show(at.file))
		}
		return nil
	}
	f := &file{place: at, w: w, root: root, plain: map[actionlint.Pos]string{}, called: map[string]time.Duration{}}
	f.remember(root)
	for _, job := range w.Jobs {
		f.jobs = append(f.jobs, job)
	}
	slices.SortFunc(f.jobs, func(a, b *actionlint.Job) int {
		return cmp.Or(cmp.Compare(a.Pos.Line, b.Pos.Line), cmp.Compare(a.Pos.Col, b.Pos.Col))
	})
	return f
}

var (
	errDocuments = errors.New("it holds more than one document")
	errCircle    = errors.New("an anchor contains itself")
	errMerge     = errors.New("it has a merge key")
)

// document reads the one document of a file.
func document(data []byte) (*yaml.Node, error) {
	d := yaml.NewDecoder(bytes.NewReader(data))
	var root, second yaml.Node
	if err := d.Decode(&root); err != nil {
		return nil, err
	}
	if err := d.Decode(&second); !errors.Is(err, io.EOF) {
		return nil, cmp.Or(err, errDocuments)
	}
	return &root, straight(&root, map[*yaml.Node]bool{})
}

// straight refuses what would have to be followed in circles, and merge keys,
// which GitHub does not know and act does. done are the nodes that were looked
// at, false while that is under way.
func straight(n *yaml.Node, done map[*yaml.Node]bool) error {
	if was, seen := done[n]; seen {
		if !was {
			return errCircle
		}
		return nil
	}
	done[n] = false
	if n.Alias != nil {
		if err := straight(n.Alias, done); err != nil {
			return err
		}
	}
	for i, c := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 && (c.Value == "<<" || c.Kind == yaml.AliasNode && c.Alias.Value == "<<") {
			return errMerge
		}
		if err := straight(c, done); err != nil {
			return err
		}
	}
	done[n] = true
	return nil
}

// remember keeps the scalars of each place. Anchored ones stand where their
// anchor is, as actionlint has them.
func (f *file) remember(n *yaml.Node) {
	if n.Kind == yaml.ScalarNode {
		f.plain[actionlint.Pos{Line: n.Line, Col: n.Column}] = n.Value
	}
	for _, c := range n.Content {
		f.remember(c)
	}
}

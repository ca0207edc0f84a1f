package githubtest

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// commitInfo is a commit as git stores it.
type commitInfo struct {
	sha, tree         string
	parents           []string
	author, committer person
	message           string
}

type person struct {
	name, email string
	when        time.Time
}

func (g *gitRepo) info(sha string) (commitInfo, error) {
	b, err := g.content(sha)
	if err != nil {
		return commitInfo{}, err
	}
	c := commitInfo{sha: sha}
	head, message, _ := strings.Cut(string(b), "\n\n")
	c.message = strings.TrimRight(message, "\n")
	for line := range strings.SplitSeq(head, "\n") {
		k, v, _ := strings.Cut(line, " ")
		switch k {
		case "tree":
			c.tree = v
		case "parent":
			c.parents = append(c.parents, v)
		case "author":
			c.author = readPerson(v)
		case "committer":
			c.committer = readPerson(v)
		}
	}
	return c, nil
}

func readPerson(line string) person {
	name, rest, _ := strings.Cut(line, " <")
	email, rest, _ := strings.Cut(rest, "> ")
	unix, _, _ := strings.Cut(rest, " ")
	n, _ := strconv.ParseInt(unix, 10, 64)
	return person{name: name, email: email, when: time.Unix(n, 0)}
}

// treeEntry is a line of a tree. Size is that of a blob.
type treeEntry struct {
	path, mode, kind, sha string
	size                  int
}

// tree lists a tree, below it as well when recursive, and stops after limit entries: more says that there are others.
func (g *gitRepo) tree(sha, prefix string, recursive bool, limit int) (out []treeEntry, more bool, err error) {
	b, err := g.content(sha)
	if err != nil {
		return nil, false, err
	}
	for len(b) > 0 {
		zero := bytes.IndexByte(b, 0)
		if zero < 0 || len(b) < zero+21 {
			return nil, false, fmt.Errorf("read tree %s: it is cut short", sha)
		}
		mode, name, _ := strings.Cut(string(b[:zero]), " ")
		e := treeEntry{path: prefix + name, mode: fmt.Sprintf("%06s", mode), kind: "blob", sha: hex.EncodeToString(b[zero+1 : zero+21])}
		b = b[zero+21:]
		if len(out) >= limit {
			return out, true, nil
		}
		switch e.mode {
		case "040000":
			e.kind = "tree"
		case "160000":
			e.kind = "commit"
		default:
			_, _, e.size = g.find(e.sha)
		}
		out = append(out, e)
		if recursive && e.kind == "tree" {
			sub, cut, err := g.tree(e.sha, e.path+"/", true, limit-len(out))
			if err != nil {
				return nil, false, err
			}
			out = append(out, sub...)
			if cut {
				return out, true, nil
			}
		}
	}
	return out, false, nil
}

// changedFile is one file of a comparison.
type changedFile struct {
	status, path, previous, sha, patch string
	additions, deletions               int
}

const (
	emptyTree = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
	noCommit  = "0000000000000000000000000000000000000000"
)

var statuses = map[byte]string{'A': "added", 'M': "modified", 'D': "removed", 'R': "renamed", 'C': "copied", 'T': "changed"}

// diff compares two commits or trees with rename detection, as GitHub does.
func (g *gitRepo) diff(from, to string) ([]changedFile, error) {
	if from == "" || from == noCommit {
		from = emptyTree
	}
	g.mu.Lock()
	have, ok := g.diffs[from+to]
	g.mu.Unlock()
	if ok {
		return have, nil
	}
	raw, err := g.run(nil, "diff-tree", "-r", "-M", "-z", "--raw", "--no-abbrev", from, to)
	if err != nil {
		return nil, err
	}
	var files []changedFile
	fields := strings.Split(strings.TrimSuffix(string(raw), "\x00"), "\x00")
	for i := 0; i+1 < len(fields); i += 2 {
		meta := strings.Fields(fields[i])
		f := changedFile{status: statuses[meta[4][0]], path: fields[i+1], sha: meta[3]}
		switch meta[4][0] {
		case 'D':
			f.sha = meta[2]
		case 'R', 'C':
			i++
			f.previous, f.path = f.path, fields[i+1]
		}
		files = append(files, f)
	}
	patches, err := g.run(nil, "diff-tree", "-r", "-M", "-p", from, to)
	if err != nil {
		return nil, err
	}
	for i, p := range strings.Split("\n"+string(patches), "\ndiff --git ")[1:] {
		if i < len(files) {
			files[i].readPatch(p)
		}
	}
	g.mu.Lock()
	g.diffs[from+to] = files
	g.mu.Unlock()
	return files, nil
}

func (f *changedFile) readPatch(p string) {
	at := strings.Index(p, "\n@@")
	if at < 0 {
		return
	}
	f.patch = strings.TrimSuffix(p[at+1:], "\n")
	for line := range strings.SplitSeq(f.patch, "\n") {
		switch {
		case strings.HasPrefix(line, "+"):
			f.additions++
		case strings.HasPrefix(line, "-"):
			f.deletions++
		}
	}
}

// history lists commits, newest first, as `git rev-list` understands the arguments.
func (g *gitRepo) history(args ...string) ([]string, error) {
	out, err := g.run(nil, append([]string{"rev-list", "--max-count=5000"}, args...)...)
	if err != nil {
		return nil, err
	}
	return strings.Fields(string(out)), nil
}

func (g *gitRepo) mergeBase(a, b string) string {
	out, err := g.run(nil, "merge-base", a, b)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

type gitRef struct{ name, sha, kind string }

func (g *gitRepo) refs(prefix string) ([]gitRef, error) {
	out, err := g.run(nil, "for-each-ref", "--format=%(refname) %(objectname) %(objecttype)", prefix)
	if err != nil {
		return nil, err
	}
	var refs []gitRef
	for line := range strings.Lines(string(out)) {
		if f := strings.Fields(line); len(f) == 3 {
			refs = append(refs, gitRef{f[0], f[1], f[2]})
		}
	}
	return refs, nil
}

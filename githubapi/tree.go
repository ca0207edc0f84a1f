package githubapi

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/google/go-github/v62/github"
	"github.com/rs/zerolog"
)

// File is a file of a commit that concerns this App.
type File struct {
	Path    string // as GitHub serves it, with slashes
	BlobSHA string // git's name of the content
	Size    int    // bytes
}

// What the App reads of a repository.
const (
	workflowsDir = ".github/workflows"
	ownConfig    = ".github/redundancy.yml"
	originalFile = "automation/redundancy-config.json"
)

// maxContents is how many entries a listing by the contents API holds at most,
// without saying whether there are more (docs.github.com, repository contents).
const maxContents = 1000

var objectName = regexp.MustCompile(`^[0-9a-f]{40}([0-9a-f]{24})?$`)

// RelevantFiles lists a commit's workflows, its configuration and that of the
// original system, ordered by path. A repository without them, or without any
// commit, gives an empty list.
//
// It walks down the trees that matter instead of asking for all of them: four
// small conditional requests, where the recursive listing is cut at 100,000
// entries and large for a large repository. A commit's name is also its
// tree's, for this endpoint. Symbolic links and submodules are not followed:
// they are logged and left out.
func RelevantFiles(ctx context.Context, client *github.Client, owner, repo, commitSHA string) ([]File, error) {
	if !objectName.MatchString(commitSHA) {
		return nil, fmt.Errorf("list files of %s/%s: %q is no commit", owner, repo, commitSHA)
	}
	w := &walk{client: client, owner: owner, repo: repo, commit: commitSHA}
	if err := w.directory(ctx, "", commitSHA); err != nil {
		return nil, fmt.Errorf("list files of %s/%s at %s: %w", owner, repo, commitSHA, err)
	}
	slices.SortFunc(w.files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	return w.files, nil
}

type walk struct {
	client              *github.Client
	owner, repo, commit string
	files               []File
}

// entry is a directory entry, from either API.
type entry struct {
	path, kind, sha string // kind: tree, blob, or a word that says why neither
	size            int
}

// directory lists one directory and goes on into those that matter.
func (w *walk) directory(ctx context.Context, dir, treeSHA string) error {
	entries, err := w.tree(ctx, dir, treeSHA)
	if err != nil {
		return err
	}
	for _, e := range entries {
		switch {
		case e.kind == "tree" && descends(e.path):
			if err := w.directory(ctx, e.path, e.sha); err != nil {
				return err
			}
		case e.kind == "blob" && relevant(e.path):
			w.files = append(w.files, File{Path: e.path, BlobSHA: e.sha, Size: e.size})
		case e.kind != "tree" && e.kind != "blob" && (relevant(e.path) || descends(e.path)):
			zerolog.Ctx(ctx).Info().Str("repo", w.owner+"/"+w.repo).Str("path", e.path).Str("commit", w.commit).
				Msgf("not followed: %s", e.kind)
		}
	}
	return nil
}

func descends(p string) bool {
	return p == ".github" || p == workflowsDir || p == path.Dir(originalFile)
}

func relevant(p string) bool {
	if p == ownConfig || p == originalFile {
		return true
	}
	ext := path.Ext(p)
	return path.Dir(p) == workflowsDir && (ext == ".yml" || ext == ".yaml")
}

func (w *walk) tree(ctx context.Context, dir, sha string) ([]entry, error) {
	t, _, err := w.client.Git.GetTree(ctx, w.owner, w.repo, sha, false)
	if status, _, _ := statusOf(err); dir == "" && status == http.StatusConflict {
		return nil, nil // "Git Repository is empty."
	}
	if err != nil {
		return nil, err
	}
	if t.GetTruncated() {
		return w.contents(ctx, dir)
	}
	entries := make([]entry, 0, len(t.Entries))
	for _, e := range t.Entries {
		entries = append(entries, entry{path.Join(dir, e.GetPath()), kindOfMode(e), e.GetSHA(), e.GetSize()})
	}
	return entries, nil
}

func kindOfMode(e *github.TreeEntry) string {
	switch e.GetMode() {
	case "120000":
		return "symbolic link"
	case "160000":
		return "submodule"
	}
	return e.GetType()
}

// contents lists by the other API what the trees API has cut. In the root only
// the two directories that matter are asked for: a root so large does not fit
// into a listing of contents either.
func (w *walk) contents(ctx context.Context, dir string) ([]entry, error) {
	if dir == "" {
		return w.roots(ctx)
	}
	list, err := w.list(ctx, dir)
	if err != nil {
		return nil, err
	}
	if len(list) >= maxContents {
		return nil, fmt.Errorf("directory %s: too large, GitHub lists its first %d entries only", dir, maxContents)
	}
	return list, nil
}

func (w *walk) roots(ctx context.Context) ([]entry, error) {
	var all []entry
	for _, dir := range []string{".github", path.Dir(originalFile)} {
		list, err := w.contents(ctx, dir)
		if IsNotFound(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
	}
	return all, nil
}

func (w *walk) list(ctx context.Context, dir string) ([]entry, error) {
	file, list, _, err := w.client.Repositories.GetContents(ctx, w.owner, w.repo, dir, &github.RepositoryContentGetOptions{Ref: w.commit})
	if err != nil {
		return nil, err
	}
	if file != nil {
		return []entry{{path: dir, kind: "not a directory"}}, nil
	}
	entries := make([]entry, 0, len(list))
	for _, c := range list {
		entries = append(entries, entry{c.GetPath(), kindOfContent(c), c.GetSHA(), c.GetSize()})
	}
	return entries, nil
}

// kindOfContent sees through submodules, which this API calls files: only a
// file's object is a blob of this repository.
func kindOfContent(c *github.RepositoryContent) string {
	u, err := url.Parse(c.GetGitURL())
	switch {
	case c.GetType() == "dir":
		return "tree"
	case c.GetType() == "symlink":
		return "symbolic link"
	case c.GetType() == "file" && err == nil && strings.HasSuffix(u.Path, "/git/blobs/"+c.GetSHA()):
		return "blob"
	}
	return "submodule"
}

package config

import (
	"errors"
	"fmt"
	"path"
	"strings"
)

// WorkflowPath makes the whole path of a workflow out of its bare name or its
// path: "x.yml" and ".github/workflows/x.yml" are both
// ".github/workflows/x.yml". Names that leave the folder, that GitHub would not
// read as a workflow, or that hold control characters are errors.
func WorkflowPath(name string) (string, error) {
	p, _, err := workflowPath(name)
	return p, err
}

// workflowPath also suggests what was probably meant.
func workflowPath(name string) (p, fix string, err error) {
	bare := strings.TrimPrefix(strings.TrimPrefix(name, "./"), WorkflowsDir+"/")
	if strings.ContainsFunc(bare, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\\' }) {
		return "", "", errors.New("it holds a backslash or a control character")
	}
	if strings.Contains(bare, "/") {
		return "", path.Base(bare), fmt.Errorf("workflows stand directly in %s", WorkflowsDir)
	}
	switch ext := path.Ext(bare); {
	case ext != ".yml" && ext != ".yaml":
		if ext == "" {
			fix = bare + ".yml"
		}
		return "", fix, errors.New("it must end in .yml or .yaml")
	case bare == ext:
		return "", "", errors.New("it has no name")
	}
	return WorkflowsDir + "/" + bare, "", nil
}

package embedded

import "errors"

var errKilled = errors.New("killed")

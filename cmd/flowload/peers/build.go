package peers

import (
	"context"
	"os"
	"path/filepath"
	"strings"
)

const goflow2Module = "github.com/netsampler/goflow2/v2"

// Build builds our own receiver into a directory.
func Build(ctx context.Context, dir string) (program string, err error) {
	program = filepath.Join(dir, "flowname")
	_, err = run(ctx, "", "go", "build", "-o", program, "flowname/cmd/flowname")
	return program, err
}

// BuildGoflow2 finds goflow2, or builds the version that go.mod has of it in a
// module of its own: its command needs modules that this project does not.
// absent says why there is none.
func BuildGoflow2(ctx context.Context, dir string) (program, absent string) {
	if program = found("goflow2"); program != "" {
		return program, ""
	}
	program, err := buildGoflow2(ctx, filepath.Join(dir, "goflow2-module"))
	if err != nil {
		return "", "not installed, and can not be built (go install " + goflow2Module + "/cmd/goflow2@latest): " + err.Error()
	}
	return program, ""
}

func buildGoflow2(ctx context.Context, dir string) (string, error) {
	version, err := run(ctx, "", "go", "list", "-m", "-f", "{{.Version}}", goflow2Module)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	at := goflow2Module + "/cmd/goflow2@" + strings.TrimSpace(version)
	for _, args := range [][]string{
		{"go", "mod", "init", "goflow2.example"},
		{"go", "get", at},
		{"go", "build", "-o", "goflow2", goflow2Module + "/cmd/goflow2"},
	} {
		if _, err := run(ctx, dir, args...); err != nil {
			return "", err
		}
	}
	return filepath.Join(dir, "goflow2"), nil
}

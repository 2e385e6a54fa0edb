package dnscache

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// childEnv makes the test binary play a part of its own instead of testing.
const childEnv = "DNSCACHE_TEST_CHILD"

func TestMain(m *testing.M) {
	if part := os.Getenv(childEnv); part != "" {
		os.Exit(child(part, os.Args[len(os.Args)-1]))
	}
	goleak.VerifyTestMain(m)
}

// Package firstseen is the question when domains and names were first seen in this
// network, and by whom: the command, its rows, and the daemon's answer.
package firstseen

// Package top is the question which domains most clients ask for, or move most
// bytes, on a day, and what is new since another: the command, its lines, and the
// daemon's answer.
package top

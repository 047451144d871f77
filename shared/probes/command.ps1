# Runs one command of the batch in a Windows guest; see command.sh. The line before this text sets $ReplankRun.
# PowerShell 2.0 and later.
$ErrorActionPreference = 'Continue'
$said = @(& cmd.exe /c $ReplankRun 2>&1 | ForEach-Object { [string]$_ })
$status = $LASTEXITCODE
function Say($text) { [Console]::Out.Write("$text`n") }
Say 'replank-command 1'
foreach ($line in @($said | Select-Object -Last 20)) {
    $line = ("$line" -split "[\r\n]")[0]
    if ($line.Length -gt 300) { $line = $line.Substring(0, 300) }
    Say "|$line"
}
Say "@end $status"
exit 0

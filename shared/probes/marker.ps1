# Replank's marker in a Windows guest; see marker.sh. The lines before this text set $ReplankAct and, to write, $ReplankMarker.
# PowerShell 2.0 and later.
$ErrorActionPreference = 'Stop'
$folder = Join-Path $env:ProgramData 'Replank'
$path = Join-Path $folder 'marker'
function Say($word, $text) {
    $text = ("$text" -split "[\r\n]")[0]
    if ($text.Length -gt 200) { $text = $text.Substring(0, 200) }
    [Console]::Out.Write("$word $text`n")
}
if ($ReplankAct -eq 'write') {
    [void](New-Item -ItemType Directory -Force -Path $folder)
    $bytes = [Text.Encoding]::ASCII.GetBytes("$ReplankMarker`n")
    # WriteThrough: the file is on the disk before the command ends.
    $file = New-Object IO.FileStream($path, [IO.FileMode]::Create, [IO.FileAccess]::Write, [IO.FileShare]::None, 4096, [IO.FileOptions]::WriteThrough)
    try { $file.Write($bytes, 0, $bytes.Length) } finally { $file.Close() }
    Say 'replank-marker' 'written'
}
if ($ReplankAct -eq 'look') {
    Say 'replank-look' '1'
    $system = Get-WmiObject Win32_OperatingSystem
    $up = (Get-Date) - [Management.ManagementDateTimeConverter]::ToDateTime($system.LastBootUpTime)
    Say 'up' ([int64][Math]::Floor($up.TotalSeconds))
    if (Test-Path $path) { Say 'marker' ([IO.File]::ReadAllText($path)) }
    Say 'os' 'ID=windows'
    Say 'os' ('VERSION_ID=' + $system.Version)
    Say 'os' ('PRETTY_NAME=' + $system.Caption)
    Say '@end' ''
}
if ($ReplankAct -eq 'remove') {
    Remove-Item -Force -Recurse $folder -ErrorAction SilentlyContinue
    Say 'replank-marker' 'removed'
}
exit 0

# Replank's probe of a Windows guest: read-only, one JSON object, then the end marker. Windows PowerShell 2.0 and later
# (2008 R2 ships 2.0: no ConvertTo-Json, no Get-CimInstance, no Get-NetTCPConnection, so JSON is built here and WMI is asked).
# What cannot be asked is null and is named in "unknown". Text is escaped to ASCII, so code pages do not matter.
$ErrorActionPreference = 'Stop'
$unknown = @()
$limit = 19000

function Quote([string]$text) {
    $out = New-Object System.Text.StringBuilder
    [void]$out.Append('"')
    foreach ($c in $text.ToCharArray()) {
        $n = [int]$c
        if ($n -eq 34 -or $n -eq 92) { [void]$out.Append('\' + $c) }
        elseif ($n -lt 32 -or $n -gt 126) { [void]$out.Append('\u' + $n.ToString('x4')) }
        else { [void]$out.Append($c) }
    }
    [void]$out.Append('"')
    return $out.ToString()
}
function Value($v) {
    if ($v -eq $null) { return 'null' }
    if ($v -is [bool]) { if ($v) { return 'true' } else { return 'false' } }
    if ($v -is [int] -or $v -is [long] -or $v -is [uint32] -or $v -is [uint64] -or $v -is [uint16]) { return $v.ToString() }
    return (Quote ([string]$v))
}
function Object($pairs) {
    $parts = @()
    for ($i = 0; $i -lt $pairs.Count; $i += 2) { $parts += ((Quote $pairs[$i]) + ':' + $pairs[$i + 1]) }
    return '{' + [string]::Join(',', $parts) + '}'
}
function List($items) { return '[' + [string]::Join(',', @($items)) + ']' }
function Ask([string]$name, [scriptblock]$block) {
    try { return (& $block) }
    catch {
        $lines = ([string]$_.Exception.Message) -split "`n"
        $script:unknown += (List @((Quote $name), (Quote $lines[0])))
        return $null
    }
}
function Mib($bytes) { return [long][math]::Floor([double]$bytes / 1048576) }
function Json($text) { if ($text -eq $null) { return 'null' } else { return $text } }

$os = Ask 'os' { Get-WmiObject Win32_OperatingSystem }
$computer = Ask 'computer' { Get-WmiObject Win32_ComputerSystem }
$language = $null
if ($os) { if ($os.OSLanguage -eq 2052 -or $os.OSLanguage -eq 1028) { $language = 'zh' } elseif (($os.OSLanguage -band 0x3ff) -eq 9) { $language = 'en' } else { $language = 'other' } }
$osJson = if ($os) { Object @('caption', (Value ($os.Caption.Trim())), 'version', (Value $os.Version), 'build', (Value $os.BuildNumber),
    'language', (Value $language), 'architecture', (Value $os.OSArchitecture)) } else { 'null' }

$volumes = Ask 'volumes' { List @(Get-WmiObject Win32_LogicalDisk -Filter 'DriveType=3' | ForEach-Object {
    Object @('drive', (Value $_.DeviceID), 'size_mib', (Value (Mib $_.Size)), 'free_mib', (Value (Mib $_.FreeSpace)), 'serial', (Value $_.VolumeSerialNumber)) }) }

$windowsDir = Ask 'windows_dir_mib' {
    # robocopy only lists (/L), skips junctions and unreadable folders; its largest total is that of the bytes, in any language.
    $lines = & robocopy.exe $env:SystemRoot 'C:\replank-nowhere' /L /E /XJ /NFL /NDL /NJH /BYTES /R:0 /W:0
    $all = @($lines | ForEach-Object { if ($_ -match ':\s+(\d{6,})\s+\d+\s+\d+\s+\d+\s+\d+') { [long]$matches[1] } })
    if ($all.Count -eq 0) { throw 'robocopy gave no size' }
    Mib ($all | Measure-Object -Maximum).Maximum
}

$services = Ask 'services' { List @(Get-WmiObject Win32_Service | Where-Object { $_.StartMode -eq 'Auto' -or $_.State -eq 'Running' } | Sort-Object Name |
    ForEach-Object { Object @('name', (Value $_.Name), 'start_mode', (Value $_.StartMode), 'state', (Value $_.State)) }) }
$users = Ask 'users' { List @(Get-WmiObject Win32_UserAccount -Filter 'LocalAccount=True' | Select-Object -First 100 | ForEach-Object { Quote $_.Name }) }

$listening = Ask 'listening' {
    $seen = @{}
    foreach ($line in (& netstat.exe -ano -p TCP)) { if ($line -match '^\s*TCP\s+(\S+):(\d+)\s+\S+:0\s') { $seen['tcp ' + $matches[1] + ' ' + $matches[2]] = 1 } }
    List @($seen.Keys | Sort-Object | Select-Object -First 100 | ForEach-Object { Quote $_ })
}

$pending = Ask 'pending_reboot' {
    $session = Get-ItemProperty 'HKLM:\SYSTEM\CurrentControlSet\Control\Session Manager'
    (Test-Path 'HKLM:\SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing\RebootPending') -or
    (Test-Path 'HKLM:\SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate\Auto Update\RebootRequired') -or
    ($session.PendingFileRenameOperations -ne $null)
}

$network = Ask 'network' {
    $cards = @(Get-WmiObject Win32_NetworkAdapterConfiguration -Filter 'IPEnabled=True')
    $interfaces = List @($cards | ForEach-Object { Object @('name', (Value $_.Description), 'mac', (Value $_.MACAddress),
        'addresses', (List @($_.IPAddress | Where-Object { $_ -notmatch ':' } | ForEach-Object { Quote $_ }))) })
    $gateway = $cards | ForEach-Object { $_.DefaultIPGateway } | Where-Object { $_ } | Select-Object -First 1
    $dns = List @($cards | ForEach-Object { $_.DNSServerSearchOrder } | Where-Object { $_ } | Select-Object -Unique | ForEach-Object { Quote $_ })
    Object @('interfaces', $interfaces, 'default_route', (Value $gateway), 'dns', $dns)
}

$controller = if ($computer) { Value ([bool]($computer.DomainRole -ge 4)) } else { 'null' }
$clustered = Ask 'clustered' { Value ([bool](Get-WmiObject Win32_Service -Filter "Name='ClusSvc' AND State='Running'")) }
$bitlocker = Ask 'bitlocker' {
    $space = Get-WmiObject -Namespace root\cimv2\Security -Class __NAMESPACE -Filter "Name='MicrosoftVolumeEncryption'"
    if (-not $space) { 'false' }
    else { Value ([bool]@(Get-WmiObject -Namespace root\cimv2\Security\MicrosoftVolumeEncryption -Class Win32_EncryptableVolume | Where-Object { $_.ProtectionStatus -eq 1 })) }
}
$pageFiles = Ask 'page_files' { List @(Get-WmiObject Win32_PageFileUsage | ForEach-Object { Quote $_.Name }) }
$activated = Ask 'activated' {
    Value ([bool]@(Get-WmiObject SoftwareLicensingProduct -Filter "ApplicationID='55c92734-d682-4d71-983e-d6ec3f16059f' AND PartialProductKey IS NOT NULL" |
        Where-Object { $_.LicenseStatus -eq 1 }))
}
$known = '^(AVP|KAV|KSDE)[\d.]*$|^(klnagent|KAVFS\w*)$|Kaspersky|McAfee|McShield|Trellix|^(masvc|macmnsvc)$|mfe(mms|vtp|fire|esp|wc)|Symantec (AntiVirus|Endpoint)|Norton (AntiVirus|Security|360|Internet)|SepMasterService|^(SmcService|ccSvcHst)$|^360(rp|rps|sd|tray|safe|leak|ent|skylar|hotfix| |$)|QHActiveDefense|ZhuDongFangYu|Qihoo|^QAX|QiAnXin|^TQClient|\u5929\u64ce|\u5947\u5b89\u4fe1|SafeDog|QQPC|Tencent.*(Guard|PC Manager)|BaiduSd|BaiduAn|BDKVRTP|Kingsoft|KSafe|kxescore|kxetray|Rising (Antivirus|Process|RavTask)|^R(av|s)(Mon|MgrSvc|RavMon|Task)|HipsDaemon|Huorong|^HRWSC|\u706b\u7ed2|wsctrlsvc|usysdiag|Yunsuo|D_Safe|^dsafe|Jiangmin|KVSrvXP|TrendMicro|Trend Micro|ntrtscan|TmListen|TMBMServer|TmCCSF|^Tm(Pfw|Proxy)$|^(AMSP|ds_agent|ds_notifier)$|Deep Security|Sophos|^SAVService$|^ekrn$|\bESET\b|^(EHttpSrv|EraAgentSvc)$|Avast|^avg(svc|wd)|Avira|AntiVirService|Bitdefender|VSSERV|EPSecurityService|F-Secure|Webroot|^WRSVC$|Malwarebytes|MBAMService|Cylance|CSFalcon|CrowdStrike|Sentinel(Agent|One)|CbDefense|CarbonBlack|^xagt$|ClamAV|^clamd$|Panda (Endpoint|Cloud)|PSUAService|(\b|_)EDR(\b|_)|EDR$|Sangfor (Endpoint|EDR)|^sfavsrv|titanagent|QingTeng|Antiy(Svc|IEP)|JowtoAgent|^cmdagent$|^V3 (Svc|Service)|^AVKProxy$|^a2(AntiMalware|service)$|^fsdevcon$|NanoServiceMain|^bdredline|ImmunetProtect|^HWSD?$|HwsHostSafe|Cortex XDR|^(cyserver|CyveraService)$|Elastic ?Endpoint|elastic-endpoint|WithSecure|FireEye|\u6740\u6bd2|\u745e\u661f|\u6c5f\u6c11|\u5b89\u5168\u72d7|\u4e91\u9501|\u7535\u8111\u7ba1\u5bb6'
$antivirus = Ask 'antivirus' { List @(Get-WmiObject Win32_Service | Where-Object { $_.Name -match $known -or $_.DisplayName -match $known } | ForEach-Object { Quote $_.Name }) }
$filters = Ask 'filter_drivers' {
    $class = Get-ItemProperty 'HKLM:\SYSTEM\CurrentControlSet\Control\Class\{4d36e967-e325-11ce-bfc1-08002be10318}'
    List @(@($class.UpperFilters) + @($class.LowerFilters) | Where-Object { $_ -and $_ -ne 'PartMgr' } | ForEach-Object { Quote $_ })
}
# What must still work afterwards. An answer of any kind says that the metadata service is reached.
$metadata = Ask 'metadata' {
    $request = [System.Net.WebRequest]::Create('http://100.100.100.200/latest/meta-data/')
    $request.Timeout = 3000
    $request.Proxy = $null
    try { $request.GetResponse().Close(); Value $true } catch [System.Net.WebException] { Value ([bool]$_.Exception.Response) }
}
$names = Ask 'names' {
    try { Value ([bool]([System.Net.Dns]::GetHostAddresses('kms.cloud.aliyuncs.com'))) } catch [System.Net.Sockets.SocketException] { Value $false }
}
$clock = Ask 'clock' {
    # Without a server the source is the clock of the machine itself; the words are English in every language.
    $source = [string](& w32tm.exe /query /source)
    if ($LASTEXITCODE -ne 0) { Value $false } else { Value (-not ($source -match 'Local CMOS Clock|Free-running System Clock')) }
}
$checksums = 'null'
if ($ReplankFiles) {
    $checksums = List @($ReplankFiles | ForEach-Object {
        $digest = ''
        $path = $_
        if (Test-Path -LiteralPath $path) {
            $digest = Ask ('checksum ' + $path) {
                $stream = [System.IO.File]::OpenRead($path)
                try { [BitConverter]::ToString((New-Object System.Security.Cryptography.SHA256Managed).ComputeHash($stream)).Replace('-', '').ToLower() }
                finally { $stream.Close() }
            }
        }
        Object @('path', (Quote $path), 'sha256', (Quote ([string]$digest)))
    })
}
$check = 'null'
if ($ReplankCheck) {
    # Its errors are taken here, and not by cmd: of several commands in one line cmd would let those of the first one pass.
    $ErrorActionPreference = 'Continue'
    $said = @(& cmd.exe /c $ReplankCheck 2>&1 | ForEach-Object { [string]$_ })
    $status = $LASTEXITCODE
    $ErrorActionPreference = 'Stop'
    $text = [string]::Join(' ', @($said | Select-Object -First 3))
    if ($text.Length -gt 200) { $text = $text.Substring(0, 200) }
    $check = Object @('exit_status', (Value $status), 'output', (Quote $text))
}

$cut = @()
$long = @{ services = (Json $services); users = (Json $users); listening = (Json $listening) }
foreach ($name in @('services', 'users', 'listening')) {
    if ($long[$name].Length -gt 8000) { $cut += (List @((Quote $name), (Quote ('longer than 8000 characters')))); $long[$name] = 'null' }
}
$body = Object @('probe', '1', 'os', $osJson,
    'hostname', (Value $env:COMPUTERNAME),
    'memory_mib', $(if ($computer) { Value (Mib $computer.TotalPhysicalMemory) } else { 'null' }),
    'cpu', $(if ($computer) { Value $computer.NumberOfLogicalProcessors } else { 'null' }),
    'volumes', (Json $volumes), 'windows_dir_mib', (Value $windowsDir),
    'services', $long['services'], 'users', $long['users'], 'listening', $long['listening'],
    'pending_reboot', (Value $pending), 'network', (Json $network),
    'domain_controller', $controller, 'clustered', (Json $clustered), 'bitlocker', (Json $bitlocker), 'page_files', (Json $pageFiles),
    'activated', (Json $activated), 'antivirus', (Json $antivirus), 'filter_drivers', (Json $filters),
    'health', (Object @('metadata', (Json $metadata), 'names', (Json $names), 'clock', (Json $clock))),
    'checksums', $checksums, 'check', $check, 'unknown', (List $unknown), 'cut', (List $cut))
if ($body.Length -gt $limit) {
    $body = Object @('probe', '1', 'os', $osJson, 'hostname', (Value $env:COMPUTERNAME), 'volumes', (Json $volumes), 'windows_dir_mib', (Value $windowsDir),
        'pending_reboot', (Value $pending), 'unknown', '[]', 'cut', (List @((List @((Quote 'answer'), (Quote ($body.Length.ToString() + ' characters')))))))
}
[Console]::Out.WriteLine($body)
'@end replank-probe 1 windows'

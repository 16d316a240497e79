using System.Text;
using Rehost.Pipeline.Tests.Conversion;
using Rehost.Testing;

namespace Rehost.Pipeline.Tests.Hostile;

/// <summary>A guest full of secrets, each with a word of its own in it: everything that every verb prints and writes beside the disks is searched for these words.</summary>
public sealed class SecretTests : IDisposable
{
    private const string Adapter = "00:16:3e:aa:bb:01";
    private const string Hash = "$6$saltsalt$CANARYHASHabcdefghijklmnopqrstuvwxyz0123456789";
    private readonly ScratchDirectory _scratch = new();
    private readonly StringBuilder _said = new();

    [Fact]
    public void No_secret_of_a_guest_is_printed_or_written_beside_its_disks()
    {
        var config = MakeGuest();
        foreach (var target in (string[])["kvm", "xen", "xenserver", "vmware", "openstack"])
        {
            // With --clone keys are removed and addresses change, so the files that hold keys of networks are edited.
            Say("convert", config, "--to", target, "--clone", "--output", _scratch[target]);
        }

        Say("plan", config, "--to", "kvm", "--clone");
        Say("plan", config, "--to", "xen", "--clone", "--json");
        Say("verify", _scratch["kvm"]);
        Say("inspect", config);
        Say("inspect", config, "--json");
        Say("convert", config, "--to", "kvm", "--disk-format", "raw", "--name", "second", "--output", _scratch["second"], "--json");
        Say("verify", _scratch["second"], "--json");
        Say("files", "tree", _scratch["root.img"], "--json");
        Say("files", "diff", _scratch["root.img"], _scratch["second/second-vda.img"], "--json");
        Say("image", "info", _scratch["root.img"], "--json");

        // The same again, and what goes wrong: there are files already, there is no such file.
        Say("convert", config, "--to", "kvm", "--output", _scratch["kvm"]);
        Say("files", "cat", _scratch["root.img"], "/etc/shadow/nothing");

        var beside = (string[])["kvm", "xen", "xenserver", "vmware", "openstack", "second"];
        foreach (var file in beside.SelectMany(target => Directory.GetFiles(_scratch[target])).Where(file => !IsDisk(file)))
        {
            _said.Append(file).Append('\n').Append(Encoding.Latin1.GetString(File.ReadAllBytes(file))).Append('\n');
        }

        var words = _said.ToString().Split('\n').Where(line => line.Contains("CANARY", StringComparison.Ordinal)).ToList();
        Assert.True(words.Count == 0, string.Join('\n', words.Take(20)));
        Assert.Contains("⟦hidden:/boot/grub/menu.lst:", _said.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void What_a_plan_does_not_show_is_in_the_guest_as_before()
    {
        var config = MakeGuest();
        CommandLine.MustRun("convert", config, "--to", "kvm", "--disk-format", "raw", "--clone", "--output", _scratch["out"]);
        var disk = Assert.Single(Directory.GetFiles(_scratch["out"], "*.img"));
        foreach (var path in (string[])["/boot/grub/menu.lst", "/etc/NetworkManager/system-connections/wifi.nmconnection", "/etc/network/interfaces", "/etc/fstab"])
        {
            var before = Secrets(CommandLine.MustRun("files", "cat", _scratch["root.img"], path).Output);
            var after = CommandLine.MustRun("files", "cat", disk, path).Output;
            Assert.NotEmpty(before);
            Assert.Equal(before, Secrets(after));
            Assert.DoesNotContain("⟦", after, StringComparison.Ordinal);
        }

        // And it was edited, or this would prove nothing.
        Assert.DoesNotContain("/dev/xvda1", CommandLine.MustRun("files", "cat", disk, "/boot/grub/menu.lst").Output, StringComparison.Ordinal);
        Assert.DoesNotContain(Adapter, CommandLine.MustRun("files", "cat", disk, "/etc/NetworkManager/system-connections/wifi.nmconnection").Output, StringComparison.OrdinalIgnoreCase);
        CommandLine.MustRun("verify", _scratch["out"]);
    }

    public void Dispose() => _scratch.Dispose();

    private static List<string> Secrets(string text) => [.. text.Split('\n').Where(line => line.Contains("CANARY", StringComparison.Ordinal))];

    private static bool IsDisk(string path) => Path.GetExtension(path) is ".img" or ".qcow2" or ".xva" or ".ova";

    private void Say(params string[] arguments)
    {
        var result = CommandLine.Run(arguments);
        _said.Append("$ ").AppendJoin(' ', arguments).Append('\n').Append(result.Output).Append('\n').Append(result.Error).Append('\n');
    }

    private string MakeGuest()
    {
        var key = "-----BEGIN OPENSSH PRIVATE KEY-----\nCANARYKEYb3BlbnNzaC1rZXktdjEAAAAA\n-----END OPENSSH PRIVATE KEY-----\n";
        var guest = new SmallGuest(_scratch["tree"], "/dev/xvda1 / ext4 defaults 0 1\n//nas/share /srv cifs username=u,password=CANARYFSTAB,uid=0 0 0\n");
        guest.Text("/etc/shadow", $"root:{Hash}:19000:0:99999:7:::\n").Text("/etc/shadow-", $"root:{Hash}:19000:0:99999:7:::\n").Text("/etc/gshadow", $"root:{Hash}::\n").Text("/etc/security/opasswd", Hash + "\n")
            .Text("/etc/passwd", $"root:x:0:0:root:/root:/bin/sh\nold:{Hash}:1:1::/:/bin/sh\n")
            .Text("/etc/ssh/ssh_host_ed25519_key", key).Text("/etc/ssh/ssh_host_rsa_key", key).Text("/root/.ssh/id_ed25519", key).Text("/etc/ssl/private/web.key", key)
            .Text("/etc/keys/data.key", "CANARYLUKS\n").Text("/etc/crypttab", "data UUID=0 /etc/keys/data.key luks\n")
            .Text("/etc/NetworkManager/system-connections/wifi.nmconnection", $"[connection]\nid=wifi\ntype=wifi\n[wifi]\nmac-address={Adapter}\n[wifi-security]\nkey-mgmt=wpa-psk\npsk=CANARYPSK with spaces\n[802-1x]\npassword=CANARY8021X\n")
            .Text("/etc/network/interfaces", $"auto eth0\niface eth0 inet dhcp\n    hwaddress ether {Adapter}\n    wpa-psk CANARYWPA\n")
            .Text("/etc/netplan/01.yaml", "network:\n  wifis:\n    wlan0:\n      access-points:\n        \"x\": {password: \"CANARYNETPLAN\"}\n").Text("/etc/wpa_supplicant/wpa_supplicant.conf", "network={\n psk=\"CANARYSUPPLICANT\"\n}\n")
            .Text("/var/lib/cloud/instance/user-data.txt", "#cloud-config\npassword: CANARYCLOUD\n").Text("/etc/cloud/cloud.cfg.d/99.cfg", "password: CANARYCLOUDCFG\n")
            .Text("/etc/systemd/system/app.service", "[Unit]\n[Service]\nEnvironment=API_KEY=CANARYSERVICE\nEnvironment=\"DB_PASSWORD=CANARYQUOTED\"\nExecStart=/bin/sh\n")
            .Text("/var/lib/systemd/random-seed", "CANARYSEED").Text("/etc/kdump.conf", "ssh root:CANARYURL@host\nnet http://user:CANARYURL@host/x\n")
            .Text("/boot/grub/menu.lst", $"default 0\ntimeout 1\npassword --md5 $1$abc$CANARYMENU0123456789012\ntitle Debian\nroot (hd0,0)\nkernel /boot/vmlinuz-{SmallGuest.Kernel} root=/dev/xvda1 ro console=hvc0\n")
            .Text("/boot/grub/custom.cfg", "set superusers=\"root\"\npassword_pbkdf2 root grub.pbkdf2.sha512.10000.CANARYPBKDF.ABCDEF\npassword user CANARYPLAIN\n");
        var root = SmallGuest.Junk(_scratch["root.img"], 64, 11);
        guest.ForEveryTarget();
        Tool.MustRun("mke2fs", "-q", "-F", "-t", "ext4", "-E", "root_owner=0:0", "-d", guest.Directory, root);
        var config = _scratch["guest.cfg"];
        File.WriteAllText(config, $"name = 'guest'\nmemory = 512\nvcpus = 1\nbootloader = 'pygrub'\nvnc = 1\nvncpasswd = 'CANARYVNC'\nvfb = ['type=vnc,vncpasswd=CANARYVFB']\ndisk = ['file:{root},xvda1,w']\nvif = ['mac={Adapter},bridge=xenbr0']\n");
        return config;
    }
}

"""Words that people put into passwords: what guessing tools try first."""

from typing import Final

# Tried before anything else.
_FREQUENT: Final = """
    a abc abcd adm admin administrator and angel asd asdf baby bad be big blue boy can car cat change changeme da
    dad day de dear default demo do dog dragon ever evil first football for forever game get girl go god good guest
    guy hate he hello her hi hot house husband i in is it jesus just key king la last letmein life lil little live
    login lol long love lovely loveme lover loves mama man master me missyou mom money monkey mr mrs ms mum my
    myself name new ninja no nobody not now number of on one or pass passw0rd passwd password passwort phone player
    please pretty princess private pw pwd qwe qwer qwerty qwertyu qwertyuiop red root secret see server service sexy
    she so star start stupid summer sun super support sweet sys system temp test test123 tester testing that the
    this time to top trustno us user username very want we web welcome what who wife winter with work world you your
    zxc
"""

# Tried next, alone and in pairs.
_WORDS: Final = """
    aaliyah aaron abby abigail access account action active adam adidas adrian adriana agent aguilas air airborne
    airplane alabama alan alaska albert alberto alejandra alejandro alex alexa alexander alexandra alexandre
    alexandria alexis alfred alfredo alice alicia alien aliens alive all allen allison alone alpha always alyssa
    amanda amanecer amazing amber america american amigos amo amor amorcito amore amour amy anastasia anderson andre
    andrea andreas andrei andres andrew android andromeda andy angela angelica angelina angelo angels anger angie
    animal animals anime anita anna annie another answer anthony anton antonio antony anything apollo apple apples
    april arcade archer archie area argentina ariana ariel aries arizona army arnold arrow arsenal art arthur artist
    ashley asia asking assassin asterix athena atlanta atlantis atlas attack august aurora austin australia autumn
    avatar avenger avengers avenue awesome babe babies babyblue babyboo babyboy babydoll babyface babygirl babygurl
    babyphat bachelor back backspace badboy badger bailey balance ball baller ballet balloon banana bananas band
    bandit bang bank banner barbara barbie barcelona barney baron barry bart base baseball basket basketball bass
    batman battle battlefield bayern beach beagle bean beans bear bears beast beaster beatles beatrice beatrix
    beautiful beauty beaver because becky beer believe bella belle benjamin benny berlin bernard bernie best
    bestfriend bestfriends beta better beyonce bianca bible bigboy bigdaddy bigdog bigman bike biker billy bingo
    bird birdie birds birthday biscuit bishop bite bizkit black blackberry blackbird blackcat blackdog blackhawk
    blackjack blackman blacky blade blah blast blaster blaze blessed blessing blink blonde blondie blood bloody
    bloom blossom blueberry bluebird blueeyes bluesky bmw board boat bob bobby body bomb bomber bond bone bones
    bonjour bonnie booger boogie book books boom boomer boots boss boston bottle bottom bowling boxer boyfriend boys
    brad bradley brain branch brandon brandy brasil brave braves brazil breaker breeze brenda brian bridge bridget
    bright british britney broken broncos brooke brooklyn brother brothers brown browns bruce bruins bruno brutus
    bryan bubba bubble bubblegum bubbles bucket buckeyes bud buddha buddy budlight budweiser buffalo buffy bug
    bugger bugs build builder building bull bulldog bulldogs bullet bulls bunny burger burn business buster butch
    butcher butter buttercup butterflies butterfly butthead button buttons california call camaro camel camera
    cameron camila camille campbell canada cancer candice candle candy cannon canon capital captain cardinal
    cardinals carla carlito carlos carmen carnage carnival carol carolina caroline carpenter carrot cars carter
    cartman cartoon casa casanova casey casino casper cassandra cassie castle catalina catch catdog catherine
    catholic cats cavalier cecilia celeste celtic celtics center central century challenge challenger champ champion
    champions championship chance changes channel chaos chapman charles charlie charlotte charming cheater
    check cheeky cheer cheerleader cheese cheesecake chelsea chelseafc cherokee cherry chester chevrolet chevy
    chicago chicken chief child children chile chilli china chinese chip chips chivas chloe chocolate choice chopper
    chris chrissy christ christian christina christine christmas christopher chrome chronic chubby chuck church
    cinderella cindy circle circus citizen city clarinet clark classic classroom claudia cleaner clear cleopatra
    clever click client cloud clouds clover clown club cobra coca cocacola cocoa coconut code codered coffee coke
    cold colin collection college collins colombia color colorado columbia columbus come comet comfort coming comm
    commander commando comment common community comp company compaq complete complex computer computers condor
    connect connection conner connor consult contact content control cook cookie cookies cool coolcat cooldude
    cooler coolgirl coolguy coolman cooper copper coral corazon cordelia corey corinne corolla corona corvette
    cosmos counter counterstrike country courage court courtney cow cowboy cowboys cowgirl cows coyote crack cracker
    craig crash crazy crazygirl cream creative creator cricket crimson cristian cristiano cristina critical cross
    crossfire crow crown cruise crush cruzazul crystal cube cuddles cupcake cupid curious cutie cutiepie cyber
    cyclone cynthia daddy daddys daddysgirl daemon daisy dakota dallas damage damien damn dance dancer dancing
    danger daniel daniela daniele danielle danny dante dark darkangel darkknight darkness darkside darling darren
    darth darthvader data database date dave david davidson dawn days death deathnote debbie december decker deep
    deepak deeper deer defender deftones delete deli delight delivery dell delta demon denis denise dennis denver
    depeche derek derrick design designer desire desktop destiny destroyer detroit deutschland device devil dexter
    dharma diablo diamond diamonds diana diane diego diesel different digger digital dima dinosaur direct director
    dirty discover discovery disney diva divine divorce dixie doctor document doggie doggy dogs doll dollar dolphin
    dolphins domain dominic dominican dominick dominique don donald donkey donna doodle doom door dorothy dortmund
    double douglas down download draco dracula dragonball dragonballz dragonfly dragons drake dream dreamer dreams
    drew drive driver drop drum drummer drums duck dude duke dumb dumbass dundee dungeon dutch dylan dynamic
    dynamite eagle eagles earl earth earthlink east easter easy eat eclipse eddie edgar edison eduardo edward
    edwards eight einstein elaine electric electricity electro element elena elephant eleven elijah elite elizabeth
    ella ellen elvis emanuel emerald emergency emily eminem emma emmanuel emotion empire end endless energy engine
    engineer england english enigma enjoy enrique enter enterprise entropy eric erica erik error escape esmeralda
    espana estrella estrellita eternal eternity eugene europe evan eve evelyn event everlast everquest everton every
    everyday everyone everything evolution example excalibur excellent exchange exciting exotic expert explorer
    express extra extreme eye eyes fabian fabulous face facebook factor factory fairy faith faithful falcon falcons
    fall fallen familia family famous fantasia fantastic fantasy farm farmer fashion fast fat father fatima fear
    feather february federico felicia felipe felix female fender fernanda fernando ferrari festival fidelity field
    fight fighter figure file films final finalfantasy finance fine finger fire fireball firebird firefighter
    firefire firefly firefox fireman firewall fish fisher fishing fitness five flame flames flamingo flash fletcher
    flexible flight flip float flora florence florida flower flowers floyd fluffy fly flyers flying focus food fool
    foot footballer force ford forest forget forgetmenot forgot formula fortune forward foundation four fox foxy
    france frances francesca francesco francis francisco frank frankfurt frankie franklin fred freddie freddy free
    freedom freefall freeman freestyle freeuser french fresh friday friend friends friendship friendster frog froggy
    frogs frontier frosty fruit fulham full fun function fund funky funny funtime future gabby gabriel gabriela
    gabriella gabrielle galaxy galina galore gambit gamer games gaming gandalf gang gangsta gangster ganja garbage
    garcia garden gardener garfield gary gasoline gate gateway gators gay geforce gemini general generation genesis
    genius george georgia gerald gerard german germany geronimo gerrard getmoney ghost giant giants gibson gilbert
    gina ginger giovanni giraffe girlfriend girls giuseppe glamour glass gloria glory gnome goat goblin godbless
    godfather godisgood godislove godsmack godzilla gold golden goldfish goldie golf golfer golfing gonzalez goodboy
    goodbye goodday goodgirl goodluck goodman goodmorning goodtimes google goose gordon gorgeous gorilla gothic
    grace gracie grand grandma grandpa grant grape grapes grass grateful great green greenbay greenday greg gregory
    griffin grinder groovy group growth guardian gucci guess guide guinness guitar guitarist gun gundam gunner
    gunners guns gustavo hack hacker hahaha hair hallo hallowed halloween hamburg hamilton hammer hamster hand
    handball handsome hanna hannah hannover happiness happy happyday hard hardcore harder hardrock harley
    harleydavidson harmony harold harrison harry harrypotter harvard harvest harvey haters hatred hawaii hawaiian
    hawk hawkeye hawks head heart heartbreaker hearts heat heather heaven heavenly heavy heavymetal hector heineken
    helen helena helicopter hell hellboy hellohello hellokitty helloworld hellsing help helpme hendrix henry
    hercules here heritage hermione hero heroes hesoyam hewlett high highland highschool hillary hiphop hippie
    history hithere hitman hockey hola holiday holland hollow holly hollywood holy holyspirit home homer homerun
    homework honda honest honey honeybee honeybunny honeymoon hongkong honolulu hooligan hoops hope hopeful horizon
    hornet horse horses hotdog hotel hotgirl hotmail hotmama hotrod hotstuff hottest hottie hour houston howard
    hudson hughes human hummer hundred hunter hunters hunting huskers husky hustler hyundai ibanez ice icecream
    iceman ichigo idiot iforgot ilovegod iloveher ilovehim ilovejesus iloveme iloveu iloveyou iloveyou2 image
    imagine imation immortal impala imperial important impossible incubus independent india indian indiana indians
    indigo indonesia infantry inferno infinite infinity info information innocent input insane inside inspiron
    instant integra intel intelligent inter interactive intermilan international internet intrepid inuyasha invasion
    invisible ireland irene irina iris irish irishman iron ironman isabel isabella isabelle island israel istanbul
    italia italian italiano italy ivan jack jackie jackson jacob jaguar jaguars jake jamaica james jamesbond jamie
    jane january japan japanese jasmin jasmine jason jasper java javier jayden jazz jean jeanette jeep jeff
    jefferson jeffrey jelly jellybean jennifer jenny jeremiah jeremy jericho jerome jerry jersey jesse jessica
    jessie jester jesus1 jesuschrist jesuslovesme jesuss jets jewel jewels jimmy joanna job joe joel john johncena
    johnny johnson johnston joker jonas jonathan jones jordan jorge jose joseph josephine joshua journey joy joyce
    juan juanita judith juggalo juice julia julian juliana julie juliet juliette julius july jumper june jungle
    junior junk jupiter justice justin justinbieber justme juventus kaiser kangaroo karate karen karina karla katana
    kate katerina katherine kathleen kathy katie katrina kawasaki kayla keeper keith kelly kelsey kennedy kenneth
    kenny kentucky kermit kevin keyboard keystone khan kicker kids killa killall killbill killers kim kimberly kind
    kingdom kingdomhearts kingkong kings kiss kisses kissme kitchen kitten kittens kittie kitty kittycat klaster
    knicks knight knights knock knowledge kodiak kool kramer krishna kristen kristin kristina kristine kyle labrador
    laddie ladies lady ladybug lakers lakeside lampard lancer land language laptop larisa larissa larry laser
    lasvegas latina laugh laura lauren laurence lavender law lawrence lawyer leader leaf league leather leave leaves
    lee leeds left legend legion legolas lemon lemonade leo leon leonard leonardo leopard leslie let letmesee letter
    letters level lewis lexus liberty library lifeisgood lifesucks light lighthouse lighting lightning lights like
    lillian lily limited limpbizkit lincoln linda lindsay lindsey line link linkin linkinpark linux lion lionheart
    lionking lions lips liquid lisa list listen lithium liverpool living lizard lizzie logan logistic logitech
    london lonely lonestar lonewolf longer longhorn longhorns look lord lorenzo loretta losangeles loser lost
    lottery lotus louie louis louise louisiana lovebird lovebug lovehurts lovelife lovelove loverboy lovergirl
    loverlover loveyou loveyou2 loving low lowrider lucas lucifer lucky luckycharm luckydog luckystar lucy luis luke
    lullaby luna lunch luther macbook machine macintosh mad madagascar madison madman madmax madonna madrid maestro
    mafia maggie magic magical magician magnum mahal mail main maine majestic major make making malaysia malcolm
    male mallorca mamacita mamapapa manager manchester mandarin mandy mango maniac manman manning manolo manson
    mantra manuel manuela manunited marcel marcela marcello march marcia marco marcos marcus margaret margarita
    maria mariah mariana marianne marie marilyn marina marine mariners marines mario marisol marissa marjorie mark
    market marketing marlboro marlene marley marlin marriage married mars marseille marshall martha martin martina
    martinez marvin mary maryjane maryland mason massimo masterchief masters match material math mathew matilda
    matrix matt matthew mature maurice maverick maximum maximus maxwell mayday mazda mclaren measure meat media
    medical medicine medina mega megadeth megaman megan melanie melissa melody member memories memory memphis men
    menace mental mercedes mercedesbenz merchant mercury merlin mermaid merry message messenger messi metal
    metallica method mexican mexico miami michael michaeljackson michel michele michelle michigan mickey mickeymouse
    micro microlab microphone microsoft middle midnight midnite mierda miguel mike mikey military milk milkshake
    millennium miller million millionaire millions mind mine minecraft minnesota minnie minority minute
    miracle miracles miranda mirror mischief miss mission mississippi missouri mister misty mitchell mixture mobile
    model modern molly moment monday monica monika monique monopoly monroe monsoon monster monsters montana monteiro
    month monty moon moonbeam moonlight moonshine moose morena morgan morning morpheus morris mortal mortgage moscow
    mother motherlode moto motocross motor motorcycle motorola mountain mountaindew mountains mouse movie movies
    mozart muffin multimedia munchkin munster murphy muscle museum music musica musical musician muslim mustang
    mustangs mybaby myfamily mylife mylove mymother mypass mypassword myspace mystery mystic mythology nancy
    nanotech napoleon naruto nascar natalia natalie natasha nathalie nathan nathaniel nation national native nature
    naughty navigator navy navyseal nebraska need negative neighbor nelson nemesis neptune nestle network neutron
    nevada never nevermind newcastle newlife newman newpass newpassword newport news newton newyear newyork
    newyorkcity next nicaragua nicholas nick nickelback nicola nicolas nicole night nightmare nightwing nike nikita
    nikki nine nineinch nintendo nirvana nissan nokia nolimit none nonsense normal norman north northern norton
    norway notebook nothere nothing novell november nuclear nugget numberone nurse nursing nutrition oakland obama
    obsidian ocean october octopus office officer official ohio oklahoma oldman oldschool oleg oliver olivia olympic
    olympus omega once onelove only onlyme onlyone open opendoor opensesame operation operator optimist optimus
    oracle orange oranges orchard orchid oregon original orion orlando oscar other outlaw outside over overkill
    overlord own owner oxford oxygen ozzy pacific packard packers page paint paintball painter pakistan palace
    paladin palermo palmer pamela pancake panda pandora panic pantera panther panthers pants papa papamama paper
    parade paradise paradox paramedic paramore paris park parker parola partizan partner party passion passpass
    passport password1 past pasta patches patience patricia patrick patriot patriots paul paula pauline payday peace
    peaceful peach peaches peanut peanuts pearl pearljam pearls pebbles pedro pencil penelope penguin penguins penny
    pentium people pepper peppers pepsi perfect performance perfume person personal peter peterpan peters petra
    phantom philips phillies phillip philosophy phoenix photo photography photos phyllis physical physics pianist
    piano picard picasso pickle pickles picture pictures pierre piglet pikachu pimp pimpin pimping pinball pineapple
    pink pinkfloyd pinky pioneer pipeline piper pirate pirates pitbull pittsburgh pizza place planet plastic
    platinum play playa playboy players playgirl playstation pleasure plymouth pocket poetry point pointer poison
    pokemon poker poland police policeman politics polo polska pontiac pony poohbear pookie poopy popcorn popeye
    poppy popstar porkchop porsche portal porter portland portugal positive possible postal postman potato potter
    power powerful powerman powers precious predator premium presario president presley preston primavera prime
    primrose prince princesa princess1 princeton printer priscilla prisoner privacy problem problems process
    processor product production professional professor profile program programmer progress project prometheus
    promise prophecy prosper prosperity protect protected protection proton prototype proverbs provider psycho
    psychology public puddin pudding puffin pumpkin pumpkins punisher punk punkrock puppies puppy purchase purple
    push pussycat putter pyramid qazwsx qazwsxedc quality quantum quarter quebec queen queenie quentin quest
    question quick quiet rabbit racecar racer rachel racing radiation radical radio radiohead rafael raiders
    railroad rain rainbow rainbows rainbowsix raining rainyday ralph ramirez ramona ranch random randy ranger
    rangers raphael raptor rasta rastafarian rastaman raven ravens ray raymond razor reader reading ready real
    realestate reality really realmadrid reason rebecca rebel rebels record recovery redalert redbull redhead
    redneck redred redrose redrum redskins redsox redwings reference reggae reggie regina register reliance religion
    remember rendezvous renee reptile republic rescue research reset resident residentevil respect restless result
    retired revenge revolution reynolds rhapsody ricardo richard richards richmond ricky rider riders rifle right
    ringer rings ripper rise river riverside road robbie robert roberta roberto roberts robin robinson robot robots
    rochester rock rocker rocket rockets rockit rockme rocknroll rockon rocks rockstar rocky rodney rodrigo
    rodriguez roger roland roller rolling rollingstones romance romantic romeo ronald ronaldinho ronaldo ronnie
    rooster rosa rosario rose rosebud rosemary roses rosie roxanne royal royals rubber ruby rugby ruler rules run
    runescape runner running rush russell russia russian ryan sabrina safe safety sagitario sailing sailor saint
    saints sakura salamander sales sally salmon salvador salvation sam samantha same sammy sample samson samsung
    samuel samurai sanandreas sanchez sanders sandiego sandman sandra sandwich sandy sanfrancisco santa santaclaus
    santana santiago santos sapphire sara sarah sasha sasuke satan satellite saturday saturn savage savannah saved
    saxophone scarface scarlet scarlett schalke school science scientist scissors scooby scoobydoo scooter score
    scorpio scorpion scotland scott scottish scout screen scruffy seagull sean search season seattle sebastian
    second secret1 secretary secrets secure security select semperfi senators senha senior sensation september
    serena serenity sergey sergio series session seven sevenfold seventeen sex sexyboy sexygirl shadow shadows
    shaggy shakira shalom shane shannon shaolin sharingan shark sharks sharon shaun shawn shelby shell shelly
    sheriff sherlock sherry shine shirley shock shoes shop shopping short shorty show shower showtime sierra
    signature silence silent silly silver silverado silvia simon simone simple simpson simpsons sims simulation
    since sinead singapore singer singing single sister sisters six sixteen skate skateboard skateboarding skater
    skeleton skinny skipper skittles skull sky skyline skywalker slacker slash slayer sleep sleeping sleepy slim
    slipknot slowly small smart smelly smile smiles smiley smith smoke smoker smokey smooth snake snakes sniper
    snoop snoopdogg snoopy snow snowball snowboard snowflake snowman soccer soccerball social socrates soft softball
    software soldier soldiers soledad solid solitude solomon solution some somebody someone something song sonic
    sonny sony sooner sooners sophia sophie soprano soul soulmate sound source south southern southpark southside
    soviet space spanish spanky spark sparkle sparky sparrow spartacus spartan spartans speak speaker special
    specialist specialk speed speedy spencer spider spiderman spike spirit spiritual splash spongebob spooky sport
    sporting sports spring springfield spunky squad square squirrel stacey stalker stallion stanford stanislav
    stanley starbucks starcraft stardust starfish stargate starlight stars starship starter startrek starwars state
    station status steel steelers stefan stefanie stella stephanie stephen stereo sterling steve steven stevens
    stewart sticky stingray stinky stock stockton stone stonecold stones stop storage store storm stormy story
    strange stranger strategy strawberries strawberry stream street strike striker string strong student students
    studio stuff style subaru sublime submarine success successful sucker suckit sucks sugar sullivan sultan summers
    summertime sundance sunday sunderland sunflower sunny sunnyday sunrise sunset sunshine superfly superhero
    superior superman supernatural supernova superpower supersonic superstar surf surfer surfing surprise survival
    survivor susan susana suzanne suzuki svetlana sweden swedish sweetheart sweetie sweetness sweetpea sweets sweety
    swim swimmer swimming swinger switch switzerland sword sydney sylvia symphony synergy tabitha table taekwondo
    talking tamara tango tanker target tarheels tasha tattoo taurus taylor teacher team teamo tech technical
    techno technology teddy teddybear teen teenager teiubesc tekken telecom telefon telephone television
    temple temporary tennessee tennis tequila teresa terminal terminator terrapin terry texas thailand thankgod
    thanks thankyou thebest theboss thecrow thedoors thegame theking theman themaster theone there theresa therock
    theway thing things think thinking thomas thompson three thriller thumper thunder thunderbird thunderbolt
    thursday tiffany tiger tigers timber timothy tinker tinkerbell titanic titanium titans together tomato
    tommy tomorrow tony tool toolbox topgun topsecret toronto tottenham touch touchdown tower town toyota track
    tractor tracy trading traffic trailer training transfer transformer transformers transport trapper travel
    traveler travis treasure trebor trees trevor trigger trinidad trinity triple tristan triumph trivial trooper
    tropical trouble truck trucker trucks true truelove truth tucker tuesday tunisia turbo turkey turner turtle
    turtles tweety twenty twilight twins twisted twister twitter two tyler typhoon ultimate ultra umbrella
    unbelievable uncle under undercover underdog underground undertaker underworld unforgiven unicorn unicorns
    united unity universal universe universidad university unknown unlimited unreal uptown uranus usa usmarine usmc
    utopia vacation valencia valentin valentina valentine valentino valerie valhalla valley vampire vampires vanessa
    vanguard vanhalen vanilla vegas vegeta venezuela vengeance venice venus veritas verizon vermont vernon veronica
    veronika version vertigo victor victoria victory video vietnam viking vikings villa vincent viola violet violin
    viper virgin virginia virtual virus vision vista vladimir vladislav volcano volcom volkswagen volleyball volume
    voodoo voyager vulcan wakeup walker wallace walter wanderer wanted war warcraft warlock warning warren warrior
    warriors washington watch watching water waterfall waterloo watermelon waters watson wayne weather webmaster
    website wednesday weed weekend weezer welcome1 wellington werewolf wesley west western westham westlife westside
    whale whatever whatsup whatthefuck where white whiteboy whitesox whitney why wicked wild wildcat wildcats
    wildfire wildlife will william williams willie willow wilson win wind window windows windsor winger wings winner
    winners winnie winniethepooh winston wireless wisconsin wisdom wishes witch without wizard wolf wolfgang
    wolfpack wolverine wolverines wolves woman women wonder wonderful wonderland wood woodland woods woody word
    wordpass words worker working workshop worship wrestler wrestling writer wrong xanadu xander xavier xbox
    xboxlive xfiles yahoo yamaha yankee yankees year yellow yellowstone yes yesterday yolanda yomama york young
    yourmom yourself youtube yugioh yvonne zachary zaragoza zebra zenith zeppelin zero zidane zimmer zombie zombies
    zxcvbnm
"""

FREQUENT: Final = frozenset(_FREQUENT.split())
WORDS: Final = frozenset(_WORDS.split())

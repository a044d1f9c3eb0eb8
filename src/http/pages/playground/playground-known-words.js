// What the demo model was taught, as tools/train-demo-model/words.py writes it: Unicode CLDR's names (Unicode-3.0),
// emojibase's (MIT), and everyday words. Nothing else is known to it.

/** English names, with bars between. */
export const ENGLISH = `!|*|100|1st|1st place medal|24|2nd|2nd place medal|3|3rd|3rd place medal|4|8|8ball|?|a+|abacus|absorbing|accordion|
action|actor|actress|address|adhesive|adhesive bandage|admission|adore|aeroplane|af|africa|agree|air|airplane|airplane
departure|alarm clock|alces|ale|alembic|alert|alien|alien monster|almond|alpaca|alpha|amazed|ambulance|american|american
football|amoeba|amphora|amulet|anatomical|anatomical heart|anchor|android|angel|angels|angry face with horns|annelid|ant|
antarctica|antenna|antlers|ape|apple|aquarium|aquarius|archer|archery|arctic|aries|army|arrived|articulated|articulated
lorry|artist|artist palette|artsy|arty|ascend|ass|astronomy|athletic|attraction|aubergine|australia|auto|auto rickshaw|
automobile|aviation|avocado|awful|awk|ax|axe|baa|babies|babooshka|baboushka|babushka|baby bottle|baby chick|back|
backpack|bacon|badger|badminton|bagel|bags|baguette|baguette bread|balance|balance scale|ball|ballet shoes|balloon|
ballpoint|banana|band|banjo|bank|bar chart|barber|barber pole|barrel|barrier|baseball|basket|basketball|bat|bath|bathtub|
battery|bawling|beach|beach with umbrella|beacon|bead|beads|beans|beanstalk|bear|bearer|beaver|bed|bedtime|bee|beer|beer
mug|beetle|begging|believe|bell|bell pepper|bell with slash|bellhop|bellhop bell|bent|bento|bento box|bestest|bet|beverage
box|bicycle|bike|bikini|bilberry|billed|billed cap|billiard|billionaire|biohazard|biology|bird|birdie|birth|birthday cake|
bison|bisque|bite|black cat|black circle|black flag|black heart|black large square|blades|bleed|bless|blessed|blood|bloom|
blossom|blowfish|blowing|blown|blu-ray|blue circle|blue heart|blue square|blue whale|blue-faced|blueberries|blueberry|
bluebonnet|blush|boar|boat|boba|bok|bollywood|bolt|bomb|bone|bones|boo|book|bookbag|bookmark|books|boomerang|boot|
born|bottle with popping cork|bottoms|boulder|bouquet|bow and arrow|bowl with spoon|bowling|boxing|boxing glove|brachiosaurus|
brain|brainy|branch|bread|breaky|breath|breathe|brew|brick|bricks|bridge|bridge at night|briefcase|bro|broccoli|broken|
broken heart|brontosaurus|bronze|broom|brown bear|brown circle|brown square|brr|brush|bs|bubble|bubble tea|bucket|buddhism|
bug|bulb|bull|bullseye|bumblebee|bunny|buoy|burger|burgers|burrito|burro|bus|bus stop|busstop|butter|buttercup|
butterfly|button|c|cab|cabbie|cabinet|cable|cableway|caboose|cactus|cafe|caffeine|cake|calculation|calculator|calendar|
calm|camel|camera|camping|cancel|cancer|candle|candy|canned|canned food|canoe|cantaloupe|capricorn|capsicum|car|carbs|
cardiac|cardiology|carousel|carousel horse|carp|carp streamer|carpenter|carpentry|carpentry saw|carrot|cart|casino|cask|
castle|cat|cat face|catch|caterpillar|cats|caution|cavities|cd|cell|cemetery|cereal|cha|chai|chain|chains|chair|
champion|champs|change|charge|charm|chart decreasing|chart increasing|check|check mark button|check-in|checked|checkered|
checkmark|cheerful|cheering|cheers|cheery|cheese|cheese wedge|cheeseburger|chef|chemist|chequered|chequered flag|cherries|
cherry blossom|chess|chess pawn|chest|chestnut|chick|chicken|chili|chilling|chime|chin|chip|chipmunk|chips|chocolate|
chocolate bar|choo|chopper|chopsticks|choy|christian|christmas tree|church|cinco|cinema|circus|circus tent|city|cityscape|
cityscape at dusk|clack|clap|clapper|clapper board|class|classical|classical building|classy|claws|clay|clearly|clever|
climate|climb|clinking beer mugs|clinking glasses|clipboard|clock|closed book|closed mailbox with raised flag|closet|cloud|
cloud with lightning|cloud with lightning and rain|cloud with rain|cloud with snow|cloudy|clover|clown|clown face|club suit|
clubs|coach|coaster|coat|cockroach|cocktail glass|coconut|coffee|coffin|cog|cogwheel|coin|cold face|collage|collar|
collide|collision|comet|comfortable|comfy|compass|complete|completed|computer|computer mouse|concertina|conch|condiment|
confetti|confetti ball|conga|congee|consider|construction|controller|convenience|convenience store|convoluted|cooked|cooked
rice|cookie|cookies|cooking|cooling|cop car|cops|copter|coral|cord|cork|corn|cosmetics|cost|cottage|couch|couch and
lamp|cow|cow face|cowboy|cowboy hat face|cowgirl|crab|cracked|cracker|crayon|creative|credit|credit card|crescent moon|
cricket|cricket game|crochet|crocodile|croissant|crook|crops|cross mark|crossbones|crossed|crossed swords|crown|crush|
crushed|crying cat|crying face|crystal|crystal ball|cube|cubical|cucumber|culture|cup|cup of coffee|cup of tea|cup with
straw|cupcake|cupid|curious|curling|curling stone|currency|curry|curry rice|curve|custard|cut of meat|cutlery|cutting|
cycle|cycling|cyclist|cyclone|cygnet|dad|dagger|dairy|dam|dandelion|danger|dangerous|dango|dark|dart|dating|day|dazed|
de|deadpan|deciduous|deciduous tree|decor|decoration|decreasing|deer|definitely|delivery truck|denim|dental|department|
department store|departure|departures|dermatologist|desert|desert island|desktop|desktop computer|diamond|diamond suit|diamond
with a dot|dice|die|diesel|diet|difficult|dinosaur|dionysus|diplodocus|direct|direction|disbelief|disc|disco|disguise|
disguised face|dive|diving mask|diya|diya lamp|dizzy|dna|dodo|dog|dog face|doggy|dogs|dollar banknote|dolphin|donation|
donkey|donut|doo|door|dot|doughnut|dove|downward|dragon|dragon face|dress|dressage|drip|driving|dromedary|drop|drop of
blood|droplet|droplets|drought|drove|drugs|drum|drumstick|drumsticks|drunk|duck|duckling|dumpling|dung|dupe|dvd|
dynamite|e-mail|eagle|ear|ear of corn|earbud|earth|earthworm|easy|edamame|edge|egg|eggplant|eggs|eight|electric guitar|
electric plug|elegant|elephant|elevator|elk|email|embroidery|empanada|employed|engaged|enraged|enraged face|ensnare|
envelope|equestrian|equine|erupting volcano|eruption|escargot|euro|europe|europe-africa|european|evening|evergreen|evergreen
tree|evil-eye|evolution|ewe|exclamation|exhalation|expendable|expert|exploding|exploding head|explosion|explosive|
extinguish|extinguisher|extra|eyebrow|eyeglasses|eyeroll|eyes|face blowing a kiss|face savoring food|face screaming in fear|
face with head-bandage|face with medical mask|face with monocle|face with open mouth|face with rolling eyes|face with steam from
nose|face with tears of joy|face with thermometer|face without mouth|factory|fail|faithful|fall|fallen|fallen leaf|family|
fan|farming|fashion|fear|fearful|feather|feed|feline|female|ferris|ferris wheel|festive|fever|feverish|field|field
hockey|fife|file cabinet|file folder|filing|filling|film|fine|finish|fir|fire|fire engine|fire extinguisher|fire truck|
firecracker|fireworks|first|fish|fishing pole|fixed|flag in hole|flags|flamboyant|flame|flamingo|flashlight|flat|flat shoe|
flatbed|flathead|flats|flautist|flavor|fleek|flight|flipper|float|flock|floppy|floppy disk|flower|flu|fluctuate|flushed|
flushed face|flute|fluttering|fly|flying disc|flying saucer|fml|folder|folding|folding hand fan|foot|fork and knife|fork and
knife with plate|formal|fortune cookie|fountain|fountain pen|four|four leaf clover|four-leaf|fowl|fox|framed|framed picture|
frankfurter|freezing|french fries|fried|fried egg|fried shrimp|fries|frog|front|frostbite|fry|frying|fuel|fuel pump|
fuelpump|fuji|full moon|full moon face|fume|fuming|fungus|furious|fury|futbol|future|gaggle|gamble|gambling|game|game
die|gamer|games|gander|gang|garbage|garlic|gas|gasoline|gay|gear|geek|geese|geez|gem|gem stone|genderqueer|gene|
genetics|germs|ghost|giant panda|gift|gifted|ginger|ginger root|giraffe|glad|glass of milk|glasses|glbt|glbtq|glitter|
glittery|globe|globe showing europe-africa|glove|gloves|glow|glowing|glowing star|goal|goal net|goat|gobble|goblin|goggles|
golden key|gondola|goodnight|googly|goose|gorilla|graduation|graduation cap|grains|grape|grapes|grasshopper|grave|
graveyard|great white shark|green apple|green circle|green heart|green salad|green square|green tea|grimace|grimacing|
grimacing face|grin|grinning cat|grinning face|grizzly|gross|grow|growl|guanaco|guitar|gun|habitat|haha|haircut|halloween
pumpkin|halo|hamburger|hammer|hammer and wrench|hamster|handbag|handgun|handle|hands|handy|hang-glide|happy face|hashi|
hat|hatchet|hatching|hatching chick|haunting|head|head-bandage|headphone|headstone|healing|hear-no-evil monkey|hearing|
heart|heart suit|heart with arrow|heart with ribbon|heartbeat|heartbreaker|heartbroken|heavenly|hedgehog|heel|heels|
helicopter|helmet|herb|herd|hibiscus|hide|high voltage|high-heeled|high-heeled shoe|high-speed|high-speed train|hiking|
hiking boot|hilarious|hill|hinduism|hinny|hippo|hippopotamus|hit|hitched|hmm|hocho|hoist|hole|hollow|hollow red circle|
hollywood|home|honey|honey pot|honeybee|honeypot|honk|hook|hoop|horse|horse face|horses|horseshoe|hospital|hot beverage|
hot dog|hot face|hot pepper|hot springs|hotcake|hotdog|hotel|hotsprings|hourglass|hourglass done|house|house with garden|
hrs|hug|hugging|hump|hundred|hundred points|hurricane|hurt|hut|hyacinth|hygiene|ice|ice cream|ice hockey|ice skate|
ice-cream|iceberg|icecream|icicles|idea|ill|imp|impressed|incognito|increasing|indecisive|indigo|infant|inhalation|
innocent|interlocking|intersection|invertebrate|iphone|iron|islam|island|jack|jack-o-lantern|japanese castle|japanese dolls|
jar|jealous|jeans|jeez|jelly|jellyfish|jeotgarak|jet|jewel|jiaozi|jigsaw|job|joey|joke|joker|joy|joystick|judo|jug|
jump|justice|kale|kangaroo|karaoke|karate|key|keyboard|keys|kick scooter|kidney|kimono|king|king's crown|kiss mark|
kitchen|kitchen knife|kite|kitten|kitty|kiwi|kiwi fruit|knights|knit|knot|koala|kuaizi|lab coat|label|ladder|lady beetle|
ladybird|ladybug|lai|lake|lamb|lambchop|lamp|landscape|laptop|large blue diamond|large orange diamond|late|lather|launch|
laundry|lavender|lazy|leaf fluttering in wind|leafy|leafy green|left|left-pointing|leg|lemon|leo|leopard|lesbian|letter|
lettuce|lgbt|lgbtq|lgbtqia|liberty|libra|lick|lifesaver|light|light bulb|lightning|lilac|lion|lipstick|liquor|list|
listening|lit|litaf|little bird|lives|lizard|llama|loaf|loaf of bread|lobster|location|locked|locomotive|log|lol|
lollipop|lonely|long|long drum|look|looking|loopy|lorry|lotion|lotion bottle|lotus|loudly|loudly crying face|loudspeaker|
love|lover|luck|lucky|luge|luggage|lunch|lung|lungs|lupine|luxury|machine|maddening|maggot|magic wand|magician|magnet|
magnifying|magnifying glass tilted left|mai|mail|maize|major|malaria|male|malt|mammoth|mandarin|mane|mango|mantelpiece|
mantelpiece clock|manual|manual wheelchair|maple|maple leaf|maracas|marching|marine|married|martial|martial arts uniform|
martini|masjid|matryoshka|mayo|maze|mean|meat on bone|meatballs|mechanic|media|medical|medicated|medieval|medium|
megaphone|meh|melon|memo|memorial|men|menstruation|meow|mercy|metal|metro|microbe|microphone|microscope|military helmet|
military medal|milky|milky way|millionaire|mind|mindblown|minibus|mining|mirror|mirror ball|mischievous|moai|mobile|mobile
phone|moisturizer|mollusk|money|money bag|money with wings|money-mouth|money-mouth face|moneybag|monitor|monkey|monkey face|
monocle|monster|moo|moon|moon cake|moose|mortar|mosque|mosquito|motor|motor scooter|motorbike|motorcycle|motorized|
motorized wheelchair|mount|mount fuji|mountain|mountain cableway|mountains|mouse|mouse face|moustache|mouth|mouthless|move|
movie camera|moyai|muah|mug|mugs|mule|multiplication|multiply|munch|mushroom|music|musical keyboard|musical note|musical
score|muslim|mustache|muted|muted speaker|mythology|nap|nasty|national|national park|natural|nauseated|nauseated face|
navigation|nazar|nazar amulet|neck|necklace|necktie|nectarine|nerd|nerd face|nest|nest with eggs|nesting dolls|net|neutral|
neutral face|new|newborn|news|newspaper|nice|night with stars|no entry|noodle|noodles|nose|noses|nosey|notebook|nuptials|
nurturing|nut and bolt|nutty|ny|nyc|o|oatmeal|ocean|octagonal|octoberfest|octopus|odor|office building|ogre|oh|oil drum|
oktoberfest|old key|old telephone|olive|one|onion|oolong|oops|open book|open umbrella|opening|ophiuchus|optical|optical
disk|orange circle|orange fruit|orange heart|orange square|orangutan|orchestra|order|orienteering|orthoptera|ostentatious|
otter|owl|oyster|package|packing|paddle|paintbrush|painter|palette|palm tree|pan|pancake|pancakes|panda|panting|
paperclip|parachute|parasail|parasite|parcel|parrot|party|party popper|partying|partying face|pass|passenger ship|password|
pasta|patrol|paw|paw prints|pawn|paws|paying|pc|pea|pea pod|peace symbol|peach|peacock|peahen|peanut|peanuts|pear|
pearly|peep|pen|pencil|penguin|pepper|pepperoni|percussion|perfect|performing|performing arts|person|personal|pester|
petri|petri dish|pho|phone|photo|photo camera|piano|piccolo|pick|pick-up|pickle|pickup|pickup truck|picnic|picture|pie|
piece|pierogi|pig|pig face|pig nose|piggy|pile|pile of poo|pill|pills|pina|pinada|pinata|pine|pine decoration|pineapple|
ping|ping pong|pingpong|pint|pipe|pirate|pisces|pistol|pixelated|pizza|plane|planet|planet earth|plankton|plate|play|
playful|playground|playground slide|playing|plaything|pleading|pleading face|please|plug|plumage|plush|pod|polar|polar
bear|police car|police car light|ponder|pondering|pong|pony|poo|poodle|pool 8 ball|poop|popcorn|popper|porkchop|porous|
porridge|positive|postal|postal horn|postbox|pot of food|potassium|potato|potsticker|potted|potted plant|poultry|poultry
leg|pouting|prawn|prayer|prayer beads|present|preserver|pretzel|pride|print|printer|prints|private|prize|prohibited|
prophecy|protection|proud|public|puck|pudding|pulse|pump|pumpkin|puppies|puppy|purity|purple circle|purple heart|purple
square|purse|pushpin|puzzle|puzzle piece|queen|queer|quench|question|rabbit|rabbit face|raccoon|race|race car|racehorse|
racing car|rad|radio|radioactive|rage|railway track|rain|rainbow|raised|ram|ramadan|ramen|rattle|rawr|rays|razor|real|
rebound|receiver|record|recorder|recreational|recycle|recycling|recycling symbol|red apple|red balloon|red circle|red
envelope|red exclamation mark|red heart|red paper lantern|red question mark|red rose|red square|red triangle pointed down|red
triangle pointed up|red wine|red-faced|reef|reflection|reflector|relaxed|repairs|repercussion|reptile|rescue|resort|
respiration|revolver|revolving|rex|rhinoceros|rhythm|ribbon|rice ball|rice cracker|rickshaw|ride|right|ring|ring buoy|
ringed|ringed planet|rip|ripe|roach|roar|roasted|roasted sweet potato|robot|rock|rocket|rockets|rofl|roflcopter|roflmao|
roll of paper|roller coaster|roller skate|rolling|rooster|root|rope|rose|rotting|round|round pushpin|roundhouse|royal|
royalty|rucksack|rule|rung|running|running shoe|russia|safari|safety vest|sagittarius|sailboat|sailing|sailing boat|sake|
salt|salty|sand|sandwich|sapling|satchel|satellite|satellite antenna|satisfied|saturn|saturnine|saucer|sauropod|sausage|
save|saver|savor|saw|sax|saxophone|scale|scales|scarf|schmear|scholar|school|scientist|scissors|scorpio|scorpion|
scorpius|scotch|scream|screamer|screaming|screw|screwdriver|scroll|sea|seafood|seal|search|seat|second|see-no-evil monkey|
seedling|seeing|selfie|selling|semi|serenity|serious|serpent|serve|set|sew|sewing needle|shades|shake|shampoo|shamrock|
shape|shark|sharp|shaved|shaved ice|sheaf|sheaf of rice|shedding|shell|shellfish|shelter|shield|shine|shinkansen|shinto|
shinto shrine|shiny|ship|shipping|shirt|shoe|shooting star|shopping bags|shopping cart|shortcake|shorts|shower|showing|
shrimp|shrine|shrub|shush|shushing|shushing face|shut|shuttlecock|shy|side|signal|silence|sing|siren|sit|skateboard|
skater|skates|skating|skeleton|skewer|skis|skull|skull and crossbones|skunk|skydive|skyline|slash|sled|sledge|sleeping|
sleeping face|sleigh|sliding|slightly|slightly smiling face|slip-on|slipper|slot|slot machine|sloth|slots|slow|slug|slurp|
sly|smartphone|smells|smelly|smile|smiley|smiling cat with heart-eyes|smiling face with halo|smiling face with heart-eyes|
smiling face with hearts|smiling face with horns|smiling face with open hands|smiling face with smiling eyes|smiling face with
sunglasses|smoke|smooch|snail|snake|snap|snapdragon|sneaker|snorkeling|snout|snow|snow-capped|snow-capped mountain|
snowflake|snowman|snowman without snow|snowy mountain|soak|soap|soapdish|sob|soccer|soccer ball|socks|soda|soft ice cream|
soldier|solid|sour|sow|soybean|space rocket|spacecraft|spaceship|spade|spade suit|spaghetti|spark|sparkler|sparkles|
sparkling heart|speak|speak-no-evil monkey|speaker high volume|spectacles|speculum|speechless|speed|speedboat|spice|spider|
spider web|spin|spinning|spiny|spiral|spiral shell|spirit|splashing|split|sponge|spool|spoon|sport utility vehicle|sports|
sports car|sports medal|sportutility|spots|spouting|spouting whale|springs|springtime|sprinkles|sprout|spy|squeeze|
squeezebox|squid|squirrel|squirt|stadium|star|star-struck|starry-eyed|station|statue of liberty|steak|stealth|steam engine|
steam train|steaming bowl|stein|step|stethoscope|stew|stiletto|sting|stinger|stinks|stinky|stitches|stocking|stoneface|
stop sign|stoplight|stopwatch|straight ruler|straightedge|strat|strawberry|streamer|strike|string|stringed|stripe|stroke|
strong|stub|stubborn|stuck-out|studio|studio microphone|study|stuffed|stuffy|style|subway|subzero|sugar|suitcase|sun|sun
behind cloud|sun behind small cloud|sun with face|sunflower|sunglasses|sunrise|sunrise over mountains|sunrise over the sea|
sunscreen|sunset|sunshine|super|surf|surfer|surfing|surprise|sushi|sutures|swag|swan|sweat droplets|sweating|sweeping|
sweets|swimming|swimsuit|sword|swords|sympathy|syringe|t|t-rex|t-shirt|table|tableware|tache|taco|tada|taekwondo|tag|
tai|tailoring|takeout|takeout box|talisman|talk|tangerine|tangled|tao|taoist|tape|target|tash|taste|tasty|taxi|tea|
teacup|teacup without handle|teapot|tears|tease|teddy|teddy bear|tee|telephone|telephone receiver|telescope|television|
tempura|tennis|tent|tentacles|terrapin|terrestrial|test|test tube|thanksgiving|theater|theatre|thermometer|thespian|
thinking|thinking face|third|thread|thunder|thunderbolt|thunderstorm|tick|ticket|tiger|tiger face|tilted|timber|timer|
tire|tired|tmi|toad|toadstool|toast|toboggan|toilet|toiletry|tokyo|tokyo tower|tomato|tomb|tombstone|tongue|toolbox|
tooth|toothbrush|top|top hat|tophat|torch|tornado|tortoise|total|tough|towels|tower|track|tractor|train|trains|tram|
trans|transgender|transparent|transportation|trash|treasure|treat|tree|triangular flag|triangular ruler|trim|trip|triste|
triumph|trolleybus|trophy|tropical drink|tropical fish|tropics|trousers|truck|true|trumpet|truth|tshirt|tube|tuk|tulip|
tumbler|tumbler glass|turd|turkey|turn|turtle|tusk|tv|twine|twist|twisted|twister|typhoon|tyrannosaurus|u|ufo|ugh|ugly|
ultimate|um|umbrella|umbrella with rain drops|unamused|unbelievable|under|underwear|unicorn|uniform|unimpressed|unlocked|
unlucky|unreal|upside-down|upside-down face|upward|utility|vaccination|van|vat|vcr|veggie|vertical|vertical traffic light|
vest|vhs|victory|video game|videocassette|videogame|view|violet|violin|voip|volcano|volleyball|voltage|volume|vomit|
wacky|waffle|waiting|wall|wand|war|warning|warrior|waste|wastebasket|watch|water|water buffalo|water pistol|water wave|
watermelon|wave|wealthy|web|wedding|wedge|weight|weirdo|welding|wet|whale|what|wheat|wheel|wheels|whirlwind|whiskey|
whisky|white circle|white flag|white heart|white large square|whoa|why|wicked|wild|wildcard|wilted|wilted flower|wind chime|
wind face|window|wine|wine glass|wing|wings|winking face|winking face with tongue|winks|winner|winning|wise|wisent|
wishbone|wizard|woah|wolf|woman|won|wondering|wood|woodwind|wooly|work|workout|world|world map|worm|wrap|wrapped|
wrapped gift|wrapper|wrench|wristwatch|x|xmas tree|yacht|yang|yarn|yawn|yellow circle|yellow heart|yellow square|yin|yin
yang|yinyang|yo-yo|york|young|yup|yurt|zap|zebra|zip|zipper|zipper-mouth|zipper-mouth face|zoom|zzz`;

/** Chinese names, with bars between. */
export const CHINESE = `24 小时|3.5英寸|8 球制桌球|8号球|OK绷|O形|T恤|U 型|k歌|一条面包|一杯咖啡|一杯啤酒|一杯奶|一杯威士忌|一片比萨|一片派|一片蛋糕|一百分|一箭穿心|一脚蹬|一锅食物|一面老一面嫩的煎蛋|万字夹|
万龙属|三叶草|三明治|三点式|三脚鸡|三角|三角尺|三角旗|三蹦子|三轮摩托车|三颗爱心的笑脸|上下起落|上升|上学|上涨|上涨图表|上涨趋势线|上班|上锁|下|下跌|下跌图表|下跌趋势线|下降|下雨|下雪|不准|
不可能|不吉利|不敢苟同|不明飞行物|不爽|不许|不许看|不许说|丑小鸭|专家|专辑|世界|世界地图|丘比特|东京|东京塔|丝带|严禁|中国|中式外卖|中暑|中秋节|中餐|串|为什么|主厨|主意|主食|举白旗|
举黑旗|乌云蔽日|乌贼|乌龙茶|乌龟|乐谱|乐队|乒乓|乒乓球|乘|乘雪橇|书|书包|书呆子|书呆子脸|书本|书本合起|书签|书籍|乳制品|乳液|乳液瓶|乳牛|云|云彩|云朵|五彩纸屑|五彩纸屑球|五月节|五角星|
亚军|交叉口|交叉放置的剑|交叉股骨|交通|交通工具|交通灯|亲亲|亲吻|人偶|人物|人马座|亿万富翁|仓鼠|仓鼠头|仔细听|付钱|仙人掌|企鹅|伊斯兰|休旅车|休闲|休闲服装|休闲车|优雅|伞|传动|传播|伤口|
伪装|伪装的脸|位子|位置|低吼|住嘴|佐料瓶|体温计|体育馆|佛教|便利店|便当|便当盒|便携|便条|便条簿|便笺|便鞋|俄罗斯套娃|俄罗斯娃娃|保湿乳液|保龄球|信|信件|信号接收|信号灯|信封|信息|信用|
信用卡|修理|倒三角|倒脸|倔强|借记卡|值机|停止|停止标志|停泊|健行|傲慢|傻|傻瓜|光亮|光环|光盘|光线|兔|兔子|兔子头|兔宝宝|入场券|全倒|全麦面包|八分音符|八字结|八戒|八爪|八角形|八边形|
公事包|公交|公交站|公交车|公交车站|公共广播|公共汽车|公共汽车站|公园|公墓|公平|公文包|公正|公羊|公鸡|六角形风琴|兵|内裤|内部|再利用|再生|冒汗|写字|写字夹板|写字板|写字楼|军事|军功章|军用|
军用头盔|农作|农作物|冠军|冰上溜石|冰冷|冰刀|冰块|冰壶|冰山|冰柱|冰沙|冰淇淋|冰激凌|冰球|冰球杆|冲泡|冷冰冰|冷却|冷漠|冷脸|冷饮|冻|冻僵|净化|凉|凉快|凋谢|几何|出入口|出境|出汗|
出租车|刀叉|刀叉与盘|切|创可贴|创意|刨冰|利事|利是|别墅|别看|刮|刮刀|到站|制服|刷卡|刷子|刺毛|刺猬|剃刀|剃须刀|前门|剑|剧院|剪|剪刀|剪子|剪裁|剪贴板|剪贴簿|剽窃|劈|办公|
办公室|办公楼|加框的照片|加油|加油站|动物园|动车|勋章|勤劳|勺|勺子|勾|勾号|勾号按钮|包包|包礼物|包紧|包裹|包谷|匕首|化妆品|化学家|北极|北极熊|匙|匙子|医学|医药|医院|十亿|十字|
升天|升旗|升降机|午餐|华丽|华夫饼|单峰|单峰驼|单眼|单眼吐舌|单眼镜|单车|卖弄|卖点|南极|南极洲|南瓜|南瓜派|南瓜灯|卡|卡士达|卡拉OK|卡拉ok|卡片相机|卡车|卫星|卫星天线|卫星接收天线|
卫星碟形天线|卫生|卫生纸|卫生间|印刷机|印度教|印度油灯|印象深刻|危险|卷心菜|卷毛狗|卷盘|卷纸|卷轴|压制|厕所|原子笔|原木|原驼|叉号|叉骨|双剑|双性恋|双眼|双耳瓶|双鱼座|反射|反射镜|反弹|
发射|发火|发烧|发芽|发财|发飙|取消|取消锁定|受伤|受骗者|变形虫|变现|口|口水|口罩|古典|古典建筑|古建筑|古怪|古板|古老的钥匙|只煎一面老|叮当|可怜兮兮的眼神|可达性|台式|台式电脑|台球|台球台|
台钟|台阶|台风|叶|叶子|号|叹号|吃惊|吃早餐|吃药|吃角子老虎|吃饭|合上|合上的书本|合上的锁|吉他|吊牌|同志|同情|后门|吐|吐司|向日葵|吓人|吓到了|吓死|吓死了|听|听筒|听诊器|吸引|
吸引力|吸收|吸气|吸水|吸管|吸血鬼|呕|呜呜|周年纪念|周末|呱呱叫|味道|呵呵|呼吸|呼吸作用|呼喊|呼噜|呼气|命中|命运|和平符号|和平象征|和服|和果子|咖啡|咖喱|咖喱饭|咧嘴笑|咩|咬牙切齿|
咬着体温计的脸|咸|哀伤|哈哈|哈喇子|哈密瓜|响铃|响铃关闭|哎哟|哭|哭泣的猫|哭泣的猫脸|哭脸|唇印|唇膏|唱K|唱歌|商场|商店|啊|啤酒|啤酒节|啧啧地喝|啪嗒声|啮齿|喇叭|喇叭筒|喜庆|喜极而泣|
喜欢|喜笑颜开|喝彩|喵|喵星人|喷发|喷墨打印|喷头|喷气机|喷水的鲸|喷泉|喷溅|嗅|嗜甜食|嘎嘎叫声|嘘声手势的脸|嘟嘟车|嘴|嘿嘿|四叶草|四方帽|四角裤|四轮滑冰鞋|回弹|回形针|回收|回收标志|回旋镖|
回纹针|团子|困惑|围巾|围脖|固体|固执的|国家公园|国王|国际象棋|图书|图形|图片|图钉|圆图钉|圆屋|圆木|圆珠笔|圆白菜|圆盘|圆筒冰淇淋|圆筒冰激凌|土星|土著|土豆|圣诞树|地图|地球|
地球上的欧洲非洲|地瓜|地铁|场记|场记板|坐|坐下|坚不可摧|坚果|坟墓|垃圾|垃圾桶|垃圾篓|埋葬|城市|城市风光|城市黄昏|培养|培养皿|培根|培育|基因|基督|基督教|堵上耳朵|堵耳|塑像|塔|填充|墓园|
墓地|墓碑|墙|墨西哥卷饼|墨西哥玉米卷|墨西哥玉米煎饼|墨镜|墨镜笑脸|墨鱼|壁炉钟|士兵|声音|备忘录|复印|复活岛|复活节岛|复活节岛石像|夕阳|外卖|外卖包装|外卖桶|外卖盒|外卖餐盒|外太空|外套|外星人|
外星怪物|外星球|外衣|多云|多刺|多孔|多种色彩|夜幕|夜幕下的桥|夜晚|大便|大哭|大圆圈|大型|大小王|大山|大巴|大板牙|大树|大桶|大海|大熊猫|大猩猩|大王|大眼睛|大笑|大笑的猫|大笑的猫脸|大箱子|
大罗|大脑|大蒜|大豆|大象|大野牛|大门|大音量|大风|天体|天使的|天呀|天堂的|天妇罗|天平|天才|天文|天文学|天然|天真|天秤|天秤座|天线|天蝎宫|天蝎座|天鹅|太极|太阳|太阳花|头巾|头戴式耳机|
头晕|头晕目眩|头盔|头绑绷带|头脑|头骨|夹克|夹子|奇异果|奇葩|奖|奖励|奖品|奖杯|奖牌|奖章|奖赏|套娃|奢华|女|女演员|奶油酥饼|奶牛|奶牛头|奶瓶|奶茶|奶酪|奶酪酱|奶黄|好吃|好奇|
好崇拜哦|好笑|好臭|好运|姜|威士忌|娥眉月|婚礼|婴儿|媚眼|孔雀|存档|季军|学习|学位|学校|学者|宅男|宇宙飞船|守财奴|守车|安息|安静的脸|完成|定向|宝石|实验人员|实验室白大褂|实验服|客机|
客船|客轮|害怕|家|家禽的腿|宾馆|寄信|寄生虫|密码|密钥|富士山|对虾|导航|寿司|封口|射手|射手座|射箭|小丑|小丑脸|小兔子|小号|小型摩托车|小天鹅|小妖精|小屋|小巴|小强|小心|小提琴|小教堂|
小时|小水滴|小水珠|小汽车|小熊|小熊维尼|小狐狸|小狗|小狗的脸|小猪|小猫|小猴子|小王|小白菜|小睡|小章鱼|小羊驼|小老虎|小船|小蜜蜂|小袋鼠|小装饰品|小象|小雪人|小马|小鸟|小鸡|小鸡破壳|小鸭子|
小麦|小黄|少云|尖叫|尺子|居酒屋|屋门|屎|山|山峰|山羊|山顶日出|岛|岩石|峰|巡逻|工作|工具箱|工厂|左斜的放大镜|左轮|巧克力|巧克力棒|巧克力片|巨石|巨蟹座|巫婆|巫师|已静音的扬声器|巴士|
帆伞|帆船|帐篷|带单片眼镜的脸|带吸管杯|带吸管的杯子|带圆点的菱形|带框的画|带角的怒容|带骨的肉|常青树|帽|帽子|干旱|干杯|平底无脚杯|平底杯|平底芭蕾舞鞋|平底锅|平底雪橇|平底鞋|幸运|幸运饼干|幼苗|幽灵|
幽静|广播电台|庆典|床|床垫|床铺|废纸篓|座位|座钟|庭院|庭院居家|康加鼓|康茄鼓|开卷|开心|开玩笑|开窗|开花|开香槟|弓|弓和箭|弓箭|弦乐器|弯曲|弯月|弯钩|归档|当心感染|录像|录像带|录影带|
录音室|录音室麦克风|彗星|彩带|彩罐|彩色纸屑|彩虹|影片|待办事项|待办表|徒步|循环|微笑|微笑天使|微笑的太阳|微笑的月亮|心|心中箭了|心形|心狂跳|心率|心碎|心脏器官|心脏病学|忘记|快艇|快递|快餐|
念珠|怒|怒火中烧|怜悯|思考|急救|性感|怪人|怪兽|怪物|恐怖|恐龙|恤衫|恩潘纳达|恬静|恰恰|恳求的脸|恶心|恶心作呕的脸|恶魔|恶魔之眼|恶魔微笑|悠悠球|悬挂滑翔|情节|惊吓|惊吓大叫的脸|惊喜|惊讶|
想|想一想|想事情|想你|想法|想睡|意大利面|意粉|意面|感冒|感叹|感叹号|感恩节|愤怒|慢|懒|戏剧|成长|我不信|我的天|戒指|战争|战士|战死|戴单眼镜的脸|戴口罩|戴口罩的脸|户外|房子|房屋|房车|
房门|房间|扇|扇动|扇子|手|手动轮椅|手套|手推车|手提包|手提电脑|手提电话|手提箱|手机|手枪|手柄|手电|手电筒|手纸|手表|手风琴|扑克小丑|打击乐器|打勾|打印|打印机|打呼|打字|打开的书本|
打开的锁|打扫|打扰|打板|打球|打结|打绷带|打针|打雷|扩音器|扫地|扫帚|扫描|扬声器关闭|扭曲食品|扳手|抓|折扇|护目|护目镜|护眼|护肤霜|护身符|报到|报纸|报道|披萨|抱|抱抱|拉炮|拉炮彩带|
拉面|拍手|拍照|拍电影|拖拉机|拖车|招摇|拜金|拥抱|拨浪鼓|拳击|拳击手套|拼图|拼贴|持票人|挂钩|指南针|指向|按钉|按钮|按键|挎包|挖|挖掘|挤眉弄眼|捂上嘴巴|捂嘴|捕鱼|排灯节|排球|排骨|
接吻|接种|掷骰子|提琴|插头|搜索|搬运|摄像机|摄录机|摄影机|摇|摇动|摇白旗|摇黑棋|摩埃|摩天轮|摩托|摩托车|摩羯座|摩艾|摩艾石像|撞|撩拨|操控杆|收纳|收钱|收音机|放声大哭|放声大哭的脸|放大|
放大镜|放射性|救护车|救援|救火车|救生|救生圈|救生用具|救生衣|教堂|教学楼|教育|敞蓬小型载货卡车|文件夹|文件柜|斑点|斑马|斧头|新干线|新月形|新月形面包|新生儿|新闻|新鲜空气|方向|方块内有点|方格|
方片|旅馆|旋转|旋转木马|旗|旗杆上的三角旗|旗杆上的旗帜|旗标|无人荒岛|无峰驼|无感|无柄茶杯|无线电|无脊椎动物|无语|无轨电车|日出|日历|日式饭团|日期|日本人偶|日本人形|日本城堡|日落|旧钥匙|旱冰|
时装|时钟|旺|星巴克|星星|春天|是特拉迪瓦尔|显微镜|显示器|显示屏|晕|晚安|景色|晴偶有云|晴天|智力游戏|智慧|智能|智能手机|暴风雨|暴龙|暴龙君主|曲别针|曲奇|曲奇饼|曲棍球|曲线|曲谱|月亮|
月经|月饼|有伞的海滩|有刺动物|有待收信件|有新信件|有环行星|有电|有线鼠标|有绒毛的|有蛋的巢|有袋目动物|有钱|服务铃|服饰|望远镜|木匠|木塞|木头|木工锯|木桩|木桶|木槿|木管乐器|木马|机修|机器人|
机械|机车|杀菌|杏仁|条形图|条纹|来信|松树|松饼|松鼠|板|板球|极客|极限|极限运动|果冻|果子|果岭|果岭旗|果汁盒|枪|枫叶|枯燥|枯萎|枯萎的花|柑桔|柔道|柜|柠檬|查找|柱|柱形图|柴油|
标志|标点|标的|标签|标记|标识|树|树懒|树枝|树袋熊|栗子|根|根汁啤酒|根茎|格子旗|格子饼|桃|框|桌球|桔子|档案|桥|桶|梁龙|梅花|梅花形|梅花花色|梅西|梦幻|梨|梯子|梯级|棒棒糖|
棒球|棒球帽|棕榈树|棕熊|棕色圆|棕色方块|森林之王|棺材|椅子|椅背|椒盐卷饼|椰子|模仿|横档|横笛|樱桃|樱花|橄榄|橄榄球|橘子|橘心|橘色|橘色方块|橘色的心|橘黄色|橙子|橙心|橙色|橙色圆|
橙色大菱形|橙色方块|橡皮|橡皮擦|檀岛警騎|欧元|欧洲城堡|欧洲野牛|正三角|正中靶心的飞镖|正义|正极|正负|武术|残月|母|母牛|母畜|母羊|毒蕈|比基尼|比萨|比萨饼|毕业|毕业帽|毛|毛埃|毛毛虫|毛笔|
毛线|毛线球|毛绒玩具|毛虫|毛豆|气候变化|气味|气旋|气温|气炸了|气球|水|水族馆|水晶|水晶球|水果派|水果蛋糕|水枪|水桶|水母|水滴|水牛|水獭|水瓶|水肺|水饺|汉堡|汉堡包|汗|汗滴|污染|
汤匙|汽水|汽车|沉默|沐浴|沙冰|沙发|沙发和灯|沙拉|沙槌|沙滩|沙滩伞|沙滩孤岛|沙漏|沙漠|沙球|沙铃|没嘴|没有把手的茶杯|河粉|河豚|河马|油|油桃|油桶|油泵|油画棒|油笔|油酥点心|泉|法国蜗牛|
法式长条面包|法式长棍面包|法律|法棍|泡沫|泡沫浴|泡泡|泡澡|泡菜|波兰饺子|波浪|注射器|泰迪熊|泳衣|泳裤|泼贱|洋葱|洗剂瓶|洗发水|洗发露|洗手|洗手间|洗漱|洗澡 花洒|洗衣|津津有味|派|派对|
派对礼宾花|流口水|流星|流血|浅笑的脸|浓汤|浣熊|浪|浪花|浮游生物|浮潜|浴室|浴盆|浴缸|海|海岛|海洋生物|海浪|海滩|海狮|海狸|海盗|海绵|海蜇|海螺|海豚|海豹|海龟|浸泡|消防车|淀粉|淋浴|
淘气|深潜|清真寺|清酒|清酒杯|清酒瓶|渗透|渡渡鸟|温度|温度计|温暖阳光|温泉|游乐场|游乐场滑梯|游戏|游戏手柄|游戏控制器|游戏操控杆|游艇|溅|溜冰鞋|溜溜球|滑冰|滑板|滑板车|滑梯|滑翔|滑翔伞|
滑雪|滚轮提箱|满分|满天星|满意|满月|满眼星|满面寒霜|漂亮|漂浮|演化|演员|潜水面罩|澡盆|澳大利亚|澳洲|激光打印|激光鼠标|激动|灌木|火|火大|火山|火烈鸟|火焰|火箭|火车|火车头|火鸡|灭火|
灭火器|灯|灯泡|灯笼椒|灰熊|灵柩|炖菜|炮竹|炸|炸弹|炸药|炸薯条|炸虾|点击|点子|点心|点按|烘烤食品|烘焙食品|烙饼|烛光|烛火|烟肉|烟花|烤|烤地瓜|烤红薯|烤面包|烧|热带水果饮料|热带饮料|
热带鱼|热气腾腾面碗|热狗|热茶|热饮|烹调|焊接|焰火|煎|煎蛋|煎饺|煎饼|照相机|熄灭|熊|熊头|熊猫|熊猫脸|熊脸|熏|熏肉|熟|燃料|燃油|燕麦|燕麦粥|爆|爆发|爆炸|爆炸头|爆竹|爆米花|爪|
爪印|爪子|爬|爬树|爬梯|爬行动物|爱|爱吃甜食|爱尔兰|爱尔兰的|爱开玩笑|爱心|爱情|爱慕|爱的礼物|牌局|牙刷|牙科|牙科医生|牙齿|牛|牛仔|牛仔帽脸|牛仔裤|牛头|牛排|牛油果|牛角面包|牡蛎|牡蛎桶|
牦牛|牺牲品|犀牛|犟|犹豫不决|狂欢的脸|狂风|狐狸|狐狸的脸|狗|狗狗|狗脸|狡猾|狡猾的人|独木舟|独角兽|独角兽头|狮子|狮子头|狮子座|狼|狼头|猎豹|猕猴桃|猛犸|猛犸象|猩猩|猪|猪头|猪排|猪肉|
猪鼻子|猫|猫咪|猫头鹰|猫熊|猫熊脸|猫科|猫脸|献血|猴头|猴子|猿|獭|獾|玉米|玉米卷饼|玉米煎饼|王冠|王后|玩|玩偶|玩具熊|玩物|玩耍|玫瑰|环节动物|现金卡|珊瑚|珊瑚礁|珍珠奶茶|珍珠色|
珠宝|班卓琴|球|球洞|球网|球门|理发|理发师|理发店|理发店旋转彩柱|瓢虫|瓶|瓶子|甜味|甜品|甜瓜|甜甜圈|甜筒|生命|生日快乐|生日礼物|生日蛋糕|生气|生气的恶魔|生物|生物危害|生物学|生菜|生蚝|
生长|用药|甲壳|甲虫|电动三轮车|电动轮椅|电台|电吉他|电子邮件|电影|电影摄影机|电影票|电插头|电极|电梯|电池|电源插头|电灯泡|电筒|电线|电脑|电脑鼠标|电视|电视机|电话|电话听筒|电邮|男孩节|
男鞋|画|画刷|画卷|画家|画框|画棒|画笔|畜群|番茄|疑问|疟疾|疫苗|疾驰|病|病菌|痛哭|登山|登山鞋|登机|白圈|白大褂|白心|白旗|白炽灯|白眼|白线大方框|白羊座|白色圆|白色方块|白色旗子|
白色旗帜|白色星星|白色爱心|白衣|百万|百分百|百搭牌|百货公司|百货商城|百货商店|皂|的士|皇冠|皇家|皮卡|皮纳塔|皮鞋|盆景|盆栽植物|盐|盒装|盒饭|盘|盘绕|盛装舞步|直升机|直升飞机|直尺|直接命中|
直方图|直的红绿灯|相乘|相扣|相机|相爱|盾|盾牌|眉毛|看|看报|看电影|看电视|看病|真心|真菌|眨眼|眨眼的脸|眼镜|眼镜笑脸|睡|睡容|睡眠|睡着了|睿智|矢车菊|短刀|短剑|短笛|短袜|短裤|石壶|
石头|石油|石油桶|码表|砂浆|砍|砖|砰|砰木塞的瓶子|破壳|破解|砸|硬币|硬笔|硬纸夹|硬面包圈|碗|碗中汤匙|碗勺|碗和汤匙|碰杯|磁带|磁盘|磁铁|礁|礼品|礼帽|礼物|祈求|祈求的脸|祈祷|神社|
神道教|票|票根|禁入|禁止|禁止入内|禁止响铃|禁止通行|离境|私密|秋叶|秋天|种植|科学家|秒表|移动|移动房车|移动电话|移动通信|稀饭|稻|稻子|穆斯林|空中|空手道|窗口|窗户|窗框|窝夫饼|窥视|
窥镜|竖笛|竞技场|竞赛|章鱼|竹|笑哭|笑哭了|笑脸|笑脸相迎|笔|笔刷|笔记本电脑|符号|符咒|第一|第一名奖牌|第三|第三名奖牌|第二|第二名奖牌|筐|筑巢|筷子|签餅|算命|算盘|管乐器|箸|篮子|篮球|
篮筐|米果|米饭|米饼|粑粑|粥|粮食|糖|糖果|糖果纸|糖葫芦|糗|系有缎带的心|素食者|索道|紫丁香|紫心|紫罗兰|紫色圆|紫色圆圈|紫色方块|累|累了|纠缠|红信封|红包|红圈|红心|红桃|红桃花色|
红毛猩猩|红气球|红灯笼|红玫瑰|红盒子|红绿灯|红肉|红色倒三角|红色圆|红色感叹号|红色方块|红色旗帜|红色正三角|红色空心圆圈|红色问号|红苹果|红薯|红辣椒|红酒|红鹳|红龙虾|约会|纪念|纯洁|纳扎尔|
纳扎尔护身符|纵向的红绿灯|纸夹|纸巾|纸张|纸杯蛋糕|纽约|线|线球|线轴|练武服|细胞|细菌|终极|终点|终点旗|经血|绑丝带的心|结|绝对|绣花针|绳扣|绳结|维他命|维他命 C|绵羊|绷带|绿叶蔬菜|绿心|
绿色|绿色圆|绿色打勾|绿色方块|绿色沙拉|绿色蔬菜|绿茶|缆车|缎带|编织|缝合|缝合针|缝线|缝衣针|缠结|缠绕|缸|罐|罐头|罐头食品|网球|网球拍|罗曼史|罗盘|罗纳尔多|羊排|羊皮纸|羊角面包|羊驼|
美丽|美元|美刀|美味|美式橄榄球|美洲鸵|美钞|羞涩微笑|羽扇豆|羽毛|羽毛球|羽球|羽衣甘蓝|翅膀|翻白眼|老式钥匙|老虎|老虎头|老虎机|老鹰|老鼠|老鼠头|考拉|考试|耳|耳塞|耳朵|耳机|耶|联锁|
聚会笑脸|肉丸|肉块|肥皂|肥皂泡|肥皂盒|肥皂盘|肺|肺部|肾|背包|背心|背肯|胖罗|胖达|胡萝卜|胶布|脏衣篮|脑|脚踏车|脸发烧|脸红|脸绿了|脸色发青|腌菜|腐烂|腕龙|腼腆|自动人力车|自拍|自然|
自由|自由女神像|自行车|自行车骑士|自负|臭鼬|舌|舌头|舔|舞厅|舞鞋|航班|航班起飞|船|船帆|色子|色彩缤纷|色拉|艳丽|节奏|节日快乐|节目|芒果|芙蓉|芝士|芭蕾舞鞋|花|花园|花朵|花束|花栗鼠|
花洒|花生|花痴|花痴的猫|花痴的猫脸|花盆|花钱|芽|苍蝇|苏打|苏打饮料|苗|苜蓿|苞米|英式足球|苹果|苹果派|茄子|茅屋|茫然|茶|茶壶|茶杯|茶饮|草花|草莓|荒岛|荒漠|荚|药丸|药物|药草|
荷包蛋|莎士比亚|莲花|莴苣|菜刀|菠萝|菠萝椰子兰姆酒|菲菲笛|萨克斯管|萨克斯风|落叶|落叶树|落叶植物|葡萄|葡萄酒|葬礼|葵扇|蒙住眼睛|蒙古包|蒙眼|蒜|蒜头|蒲公英|蒸汽火车|蒸汽车头|蒸馏|蒸馏器|
蓄电池|蓝光|蓝圈|蓝帽花|蓝心|蓝色圆|蓝色大菱形|蓝色方块|蓝莓|薄煎饼|薄饼|薯条|薰衣草|蘑菇|虎|虫子|虾|蚂蚁|蚊子|蚯蚓|蚱蜢|蛀牙|蛆|蛇|蛇夫座|蛋|蛋奶冻|蛋奶沙司|蛋糕|蛐蛐|蛛网|
蛾眉月|蜂蜜|蜗牛|蜘蛛|蜘蛛网|蜜獾|蜜瓜|蜜罐|蜜蜂|蜡烛|蜡笔|蜥蜴|蜥蜴类|蝎子|蝙蝠|蝴蝶|蝴蝶结|螃蟹|螺|螺丝刀|螺丝扳手|螺帽|螺旋|螺栓|螺母|螺母与螺栓|螺钉|蟋蟀|蟑螂|蟹|蠕虫|血滴|
行星|行李|行李员|行李牌|行李箱|衣服|表|表情空洞|表演|表演艺术|衬衫|衬衫领带|袋|袋鼠|袜|袜子|裁剪|装货|装饰|裙子|西兰花|西瓜|西红柿|要害|见钱眼开|观星|视频|角|角子机|角度|解剖|
触手|警告|警察|警报|警灯|警示|警车|警车灯|计程车|计算|计算器|计算机|诊断|试管|说话|请勿入内|请勿驶入|请客|请求|读报|调味品|调味料|调情|调羹|调色板|调色盘|谷类|豆|豆子|豆茎|豆荚|
豌豆|豌豆荚|象|豪华游艇|豹|豹子|贝果|贝类水产|贝类浓汤|负极|货币|货车|购物袋|购物车|贵宾犬|贷记卡|资料|赌博|赌场|赌钱|赛车|赛马|赢|赢钱|起飞|超冷|越桔|趋势向上的图表|趋势向下的图表|
足尖鞋|足球|足迹|趾高气昂|跆拳道|跑|跑车|跑鞋|跨性别|路障|路面电车|跳|跳伞|跳跃|踏板车|踩滑板|蹦迪|车|车票|车站|车轮|转动|轮式|轮胎|软体动物|软盘|软饮料|轻|载货|轿车|辐射|输入|
输血|辣|辣味香肠|辣椒|过山车|运动会奖牌|运动员|运动型多用途车|运动鞋|运气|运送|进化|远足野营|连衣裙|迟缓|迪亚|迪斯科|迷恋|迷茫|追星族|送你一颗心|送货|送餐|送餐服务|逃生|透明|逛街|速度|
速食|道|道教|遗传学|邪恶|邪眼|邪魔|邮件|邮号|邮政|邮筒|邮箱关闭红旗升起|郁金香|部件|部队|都市景观|酒店|酒馆|酢浆草|酪梨|酷|酸|采矿|采购|野牛|野猪|野生卷心菜|野餐|量|量体温|金|
金属|金币|金牌|金花鼠|金钱至上|金鱼草|针头|针筒|针线|钓竿|钓鱼竿|钟|钟声|钢琴|钢笔|钥匙|钩子|钩状物|钩针编织|钱|钱包|钱袋|钳|钻戒|钻石|钾|铁轨|铁链|铁镐|铃声|铃铛|铅笔|铜板|
铜牌|铰接式卡车|铰接式货车|银|银河|银牌|银行|银行卡|链|链条|锁住|锁头|锁定|锁链|锄头|锅|锋利|错综复杂|锚|锤子|锤子与扳手|键盘|锯|锯子|镜子|镜球|长度|长旗|长条图|长毛绒|长毛象|
长牙|长笛|长笛手|长翅膀的钱|长袜|长颈鹿|长鼓|门|门松|门票|闪|闪亮|闪亮的心|闪亮的星星|闪电|闭嘴|问号|间谍|闹钟|防嗮霜|防御|防晒霜|阳|阳伞|阳光普照|阴|阴阳|阵雨|阶梯|阻止|阿米巴|
陆龟|降温|降落伞|陨落之星|陵墓|陷入爱河|随便啦|随行杯|随风飘舞|隐瞒身份|难以置信|难过|雄性|雄狮|雄鹅|雌孔雀|雌性|雕塑|雨|雨伞|雨滴|雪|雪与雪人|雪人|雪封山头|雪山|雪橇|雪糕|雪花|雪顶|
零|零下|零件|雷暴|雷阵雨|雷龙|震惊|霜淇淋|露营|露齿|露齿笑|露齿而笑|霸王龙|霹雳八球|青|青椒|青苹果|青蛙|青蛙头|靛蓝|非洲|非洲手鼓|非礼勿听|非礼勿视|非礼勿言|面|面包|面包圈|面包店|
面无表情|面条|靴子|靶心|鞋|鞋子|鞭炮|音乐|音乐键盘|音符|音量|顶罩光环的笑脸|项链|顽童|预言|领带|颠倒|颠倒的脸|风|风信子|风吹|风吹叶落|风景|风琴|风筝|风铃|飓风|飞吻|飞机|飞盘|飞碟|
飞驰|食人魔|食堂|餐具|饭团|饮料盒|饺子|饼干|饿了|馅|香料|香槟|香瓜|香肠|香草|香蕉|马|马丁尼|马头|马戏团|马戏团帐篷|马桶|马蹄铁|马铃薯|驴|驴子|驼峰|驼鹿|驾帆船|驾雪橇|驾驶|骄傲|
骆马|骆驼|骑车|骑车疾驰|骑马|骡|骡子|骨头|骨骼|骰子|骰子游戏|骷髅|高兴|高压|高尔夫球洞|高帽|高楼大厦|高球|高跟|高跟鞋|高速列车|高铁|高音量|高音量的扬声器|鬼|鬼牌|魔术|魔术师|魔杖|魔棒|
魔鬼|鱼|鱼杆|鱼钩|鱿鱼|鲜花|鲤鱼旗|鲨|鲨鱼|鲸|鲸鱼|鳄梨|鳄鱼|鳌|鸟|鸟巢|鸟类学|鸟蛋|鸡|鸡尾酒|鸡尾酒杯|鸡肉|鸡腿|鸡蛋|鸣叫|鸭|鸭子|鸭群|鸭脚板|鸭舌帽|鸽|鸽子|鹅|鹅群|
鹤嘴锄|鹦鹉|鹰|鹿|鹿角|麋鹿|麦乳精饮料|麦克风|麻线|黄包车|黄心|黄昏|黄油|黄油果|黄瓜|黄色圆|黄色圆圈|黄色方块|黄豆|黏土|黑心|黑旗|黑桃|黑桃花色|黑猫|黑白方格|黑白方格旗|黑线大方框|黑色圆|
黑色大方形|黑色旗|黑色旗子|黑色旗帜|黑色的心|鼓|鼓声|鼓槌|鼠|鼠标|鼻子|齿轮|龇牙咧嘴|龙|龙卷风|龙头|龙虾|龟|！`;
